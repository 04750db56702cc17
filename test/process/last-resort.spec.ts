import { join } from 'node:path';
import { ApiClient } from './api-client';
import {
  cleanUp,
  isAlive,
  newDataDirectory,
  ownerToken,
  postmasterPid,
  ServerProcess,
} from './server-process';

jest.setTimeout(180_000);

/** Without the shape of a secret, so that the scrubber would let it pass. */
const TEXT = 'what a library says of a prompt';
const PRELOAD = `--require ${join(__dirname, 'preload', 'faults.cjs')}`;

interface FatalLine {
  readonly level: number;
  readonly stack?: string;
}

async function fail(fault: string): Promise<{ server: ServerProcess; dataDirectory: string }> {
  const dataDirectory = await newDataDirectory();
  const variables = {
    NODE_OPTIONS: PRELOAD,
    KEYRUN_TEST_FAULT: fault,
    KEYRUN_TEST_FAULT_TEXT: TEXT,
  };
  const server = new ServerProcess({ dataDirectory, variables });
  await server.ready();
  server.kill('SIGHUP');
  return { server, dataDirectory };
}

function linesOf(server: ServerProcess): FatalLine[] {
  const lines = server.stderr.trim().split('\n');
  return lines.map((line) => JSON.parse(line) as FatalLine);
}

describe('an error that nobody caught', () => {
  afterEach(cleanUp);

  it.each([
    ['exception', { origin: 'uncaughtException', name: 'Unforeseen', code: 'E_UNFORESEEN' }],
    ['rejection', { origin: 'unhandledRejection', name: 'Unforeseen', code: 'E_UNFORESEEN' }],
    ['text', { origin: 'uncaughtException', thrown: 'string' }],
    ['unreadable', { origin: 'unhandledRejection', thrown: 'unreadable' }],
  ])('ends the server in order, with one line that quotes nothing: %s', async (fault, facts) => {
    const { server, dataDirectory } = await fail(fault);
    const postmaster = postmasterPid(dataDirectory)!;
    expect(await server.exited).toEqual({ code: 70, signal: null });
    expect(linesOf(server)).toMatchObject([
      { level: 60, context: 'Fatal', msg: 'unexpected error; the process ends', ...facts },
    ]);
    expect(server.stderr + server.stdout).not.toContain('library');
    if ('name' in facts) expect(linesOf(server)[0]!.stack).toMatch(/^ +at .*faults\.cjs:\d+/);
    expect(isAlive(postmaster)).toBe(false);
    expect(postmasterPid(dataDirectory)).toBeNull();
  });

  it('is told of each, and lets the next start find everything', async () => {
    const { server, dataDirectory } = await fail('twice');
    expect((await server.exited).code).toBe(70);
    expect(linesOf(server)).toMatchObject([
      { origin: 'uncaughtException' },
      { origin: 'unhandledRejection' },
    ]);
    const next = new ServerProcess({ dataDirectory });
    const client = await ApiClient.connect(await next.ready(), await ownerToken(dataDirectory));
    expect(await client.run({ provider: 'echo', model: 'echo' })).toMatchObject({
      status: 'completed',
    });
    expect((await next.stop()).code).toBe(0);
  });
});
