import { chmod, mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FaultyUpstream } from '../support/faulty-upstream';
import { ApiClient, type Execution } from './api-client';
import { runPrintedCommand } from './printed-command';
import {
  cleanUp,
  isAlive,
  newDataDirectory,
  ownerToken,
  postmasterPid,
  ServerProcess,
  until,
} from './server-process';

jest.setTimeout(180_000);

const isRoot = process.getuid?.() === 0;

describe('the server process', () => {
  let upstream: FaultyUpstream;

  beforeAll(async () => {
    upstream = await FaultyUpstream.start();
  });

  afterEach(cleanUp);

  afterAll(async () => {
    await upstream.close();
  });

  const client = async (server: ServerProcess, dataDirectory: string) =>
    ApiClient.connect(await server.ready(), await ownerToken(dataDirectory));

  const untilServing = async (baseUrl: string) =>
    until('readiness', async () => {
      const { status } = await fetch(`${baseUrl}/health/ready`);
      return status === 200 ? true : null;
    });

  it('starts from nothing, serves the printed command, stops cleanly, and finds all again', async () => {
    const dataDirectory = join(await newDataDirectory(), 'data');
    const variables = { KEYRUN_ALLOWED_HOSTS: upstream.host };
    const first = new ServerProcess({ dataDirectory, variables, through: 'start' });
    await first.ready();
    expect(first.stdout).toContain(`BACK UP ${join(dataDirectory, 'root-key')}`);
    const executed = runPrintedCommand(first.stdout) as Execution;
    expect(executed).toMatchObject({ status: 'completed', output: { content: 'Hello' } });
    for (const name of ['owner-token', 'root-key', 'database-url']) {
      expect([name, (await stat(join(dataDirectory, name))).mode & 0o777]).toEqual([name, 0o600]);
    }

    const before = await client(first, dataDirectory);
    const key = await before.own<{ id: string }>('POST', 'api-keys', {
      provider: 'openai',
      apiKey: 'sk-survivor-000000000000abcd',
      baseUrl: upstream.openAiBaseUrl,
    });
    const postmaster = postmasterPid(dataDirectory)!;
    expect(await first.stop()).toEqual({ code: 0, signal: null });
    expect(first.stderr).toBe('');
    expect(isAlive(postmaster)).toBe(false);
    expect(postmasterPid(dataDirectory)).toBeNull();

    const second = new ServerProcess({ dataDirectory, variables, through: 'start' });
    const after = await client(second, dataDirectory);
    expect(second.stdout).not.toContain('BACK UP');
    const keys = await after.own<{ data: { id: string; last4: string }[] }>('GET', 'api-keys');
    expect(keys.data).toMatchObject([{ id: key.id, last4: 'abcd' }]);
    expect(await after.run({ provider: 'openai', model: 'gpt-4o-mini' })).toMatchObject({
      status: 'completed',
    });
    expect(upstream.requests[0]?.headers.authorization).toBe('Bearer sk-survivor-000000000000abcd');
    expect(await after.own('GET', `executions/${executed.id!}`)).toEqual({
      ...executed,
      request: { model: 'echo', messages: [{ role: 'user', content: 'Hello' }] },
    });
    expect((await second.stop()).code).toBe(0);
  });

  it('survives being killed: the next start recovers without help', async () => {
    const dataDirectory = await newDataDirectory();
    const first = new ServerProcess({ dataDirectory });
    const { id } = await (await client(first, dataDirectory)).run(ECHO);
    const postmaster = postmasterPid(dataDirectory)!;
    first.kill('SIGKILL');
    expect(await first.exited).toEqual({ code: null, signal: 'SIGKILL' });

    const second = new ServerProcess({ dataDirectory });
    const again = await client(second, dataDirectory);
    expect(isAlive(postmaster)).toBe(false);
    expect(await again.own('GET', `executions/${id!}`)).toMatchObject({ status: 'completed' });
    expect((await second.stop()).code).toBe(0);
  });

  it('survives the death of PostgreSQL, and says so in one line', async () => {
    const dataDirectory = await newDataDirectory();
    const server = new ServerProcess({ dataDirectory });
    const api = await client(server, dataDirectory);
    const baseUrl = await server.ready();
    const { id } = await api.run(ECHO);
    const postmaster = postmasterPid(dataDirectory)!;
    process.kill(postmaster, 'SIGKILL');

    await until('a new PostgreSQL', () => {
      const next = postmasterPid(dataDirectory);
      return next !== null && next !== postmaster && server.stderr !== '' ? next : null;
    });
    await untilServing(baseUrl);
    expect(await api.run(ECHO)).toMatchObject({ status: 'completed' });
    expect(await api.own('GET', `executions/${id!}`)).toMatchObject({ status: 'completed' });
    expect(server.stderr).toBe('keyrun: the embedded PostgreSQL ended; starting it again\n');
    expect((await server.stop()).code).toBe(0);
  });

  it('can be stopped while it still starts', async () => {
    const dataDirectory = await newDataDirectory();
    const server = new ServerProcess({ dataDirectory });
    await until('the start', () => (existsSync(join(dataDirectory, 'postgres')) ? true : null));
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect(postmasterPid(dataDirectory)).toBeNull();
  });

  it('refuses a data directory that another server uses, which goes on', async () => {
    const dataDirectory = await newDataDirectory();
    const first = new ServerProcess({ dataDirectory });
    const api = await client(first, dataDirectory);
    const second = new ServerProcess({ dataDirectory });
    expect((await second.exited).code).toBe(69);
    expect(second.stderr).toMatch(/^keyrun: Another server uses the data directory .*\n$/);
    expect(second.stderr).toContain(dataDirectory);
    expect(await api.run(ECHO)).toMatchObject({ status: 'completed' });
    expect((await first.stop()).code).toBe(0);
  });

  (isRoot ? it : () => undefined)(
    'works as root below a folder that is closed to everybody else',
    async () => {
      const closed = await mkdtemp(join(tmpdir(), 'keyrun-closed-'));
      const dataDirectory = join(closed, 'data');
      try {
        await chmod(closed, 0o700);
        await mkdir(dataDirectory);
        const server = new ServerProcess({ dataDirectory });
        const api = await client(server, dataDirectory);
        expect(await api.run(ECHO)).toMatchObject({ status: 'completed' });
        expect((await server.stop()).code).toBe(0);
      } finally {
        await cleanUp();
        await rm(closed, { recursive: true });
      }
    },
  );
});

const ECHO = { provider: 'echo', model: 'echo' };
