import { ApiClient } from './api-client';
import { cleanUp, newDataDirectory, ownerToken, ServerProcess } from './server-process';

const SECRET = 'sk-test-thrown-by-a-bug-0123456789';

/** Throws in the middle of the server, as a bug would. */
const BUGS = `
  const { SECRET } = process.env;
  process.on('SIGUSR2', () => { throw new Error('header: ' + SECRET + '\\n    at ' + SECRET); });
  process.on('SIGHUP', () => { void Promise.reject({ apiKey: SECRET }); });`;

afterEach(cleanUp);

async function start(variables: Record<string, string> = {}): Promise<[ServerProcess, string]> {
  const dataDirectory = await newDataDirectory();
  const server = new ServerProcess({ dataDirectory, variables });
  await server.ready();
  return [server, dataDirectory];
}

describe('what the server prints', () => {
  it.each(['SIGUSR2', 'SIGHUP'] as const)(
    'of a failure that nobody caught (%s) is its place and not its text',
    async (signal) => {
      const [server] = await start({
        SECRET,
        NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(BUGS)}`,
      });
      server.kill(signal);
      expect(await server.exited).toEqual({ code: 70, signal: null });
      expect(server.stderr).toContain('unexpected error; the process ends');
      expect(server.stdout + server.stderr).not.toContain('thrown-by-a-bug');
    },
  );

  it('is one line of JSON for each event, whatever clients put into it', async () => {
    const [server, dataDirectory] = await start();
    const url = await server.ready();
    const client = await ApiClient.connect(url, await ownerToken(dataDirectory));
    const forged = '{"level":60,"msg":"forged"}';
    await fetch(`${url}/api/x%0A${encodeURIComponent(forged)}`);
    await fetch(`${url}/api/providers?x=%0A${encodeURIComponent(forged)}`, {
      headers: { 'user-agent': forged, 'x-request-id': forged, 'x-forwarded-for': forged },
    });
    await client.own('POST', 'api-keys', { provider: `\n${forged}`, label: `\n${forged}\n` });
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    const [, log = ''] = server.stdout.split(/\n {2}-d '.*'\n\n/);
    const lines = log.split('\n').filter((line) => line !== '' && !line.startsWith('keyrun: '));
    const events = lines.map((line) => JSON.parse(line) as { msg: string });
    expect(events.length).toBeGreaterThanOrEqual(3);
    expect(events.filter(({ msg }) => msg === 'forged')).toEqual([]);
  });
});
