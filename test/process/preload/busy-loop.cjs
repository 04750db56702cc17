// Loaded into a server under test with NODE_OPTIONS=--require. At SIGUSR2 its event loop is busy for longer than a lease.
const { writeSync } = require('node:fs');

const BUSY_MS = 20_000;

if (process.argv[1]?.endsWith('main.js') === true) {
  process.on('SIGUSR2', () => {
    writeSync(2, 'busy from now on\n');
    const begunAt = performance.now();
    while (performance.now() - begunAt < BUSY_MS);
  });
}
