// Loaded into a server under test with NODE_OPTIONS=--require. At SIGUSR2 its event loop is busy for longer than a lease.
const BUSY_MS = 20_000;

if (process.argv[1]?.endsWith('main.js') === true) {
  process.on('SIGUSR2', () => {
    const begunAt = performance.now();
    while (performance.now() - begunAt < BUSY_MS);
  });
}
