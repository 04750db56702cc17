import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { Secret } from '../../src/common';
import { EmbeddedPostgres } from '../../src/database';
import { serverLogin } from '../../src/database/server-login';
import { ApiClient } from './api-client';
import { runKeys } from './command-process';
import { cleanUp, newDataDirectory, ownerToken, ServerProcess } from './server-process';

jest.setTimeout(180_000);

const ECHO = { provider: 'echo', model: 'echo' };

describe('a server with its embedded database', () => {
  afterEach(cleanUp);

  const client = async (server: ServerProcess, dataDirectory: string) =>
    ApiClient.connect(await server.ready(), await ownerToken(dataDirectory));

  const databaseUrl = async (dataDirectory: string) =>
    new Secret((await readFile(join(dataDirectory, 'database-url'), 'utf8')).trim());

  async function asOwner<T>(url: Secret, work: (owner: Client) => Promise<T>): Promise<T> {
    const owner = new Client({ connectionString: url.expose() });
    await owner.connect();
    try {
      return await work(owner);
    } finally {
      await owner.end();
    }
  }

  /** As whom the server is connected. */
  const logins = async (dataDirectory: string) =>
    asOwner(await databaseUrl(dataDirectory), async (owner) => {
      const { rows } = await owner.query<{ usename: string; application_name: string }>(`
        SELECT DISTINCT usename, application_name FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()
           AND backend_type = 'client backend' ORDER BY 2`);
      return rows;
    });

  it('serves by a login without rights of its own, also on a data directory from before there was one', async () => {
    const dataDirectory = await newDataDirectory();
    const first = new ServerProcess({ dataDirectory });
    const { id } = await (await client(first, dataDirectory)).run(ECHO);
    const { name } = serverLogin(await databaseUrl(dataDirectory));
    const bound = [
      { usename: name, application_name: 'keyrun' },
      { usename: name, application_name: 'keyrun-queue' },
    ];
    expect(await logins(dataDirectory)).toEqual(bound);
    expect((await first.stop()).code).toBe(0);

    const embedded = await EmbeddedPostgres.start({ dataDirectory });
    await asOwner(embedded.url, (owner) => owner.query(`DROP ROLE ${name}`));
    await embedded.stop();

    const second = new ServerProcess({ dataDirectory });
    const after = await client(second, dataDirectory);
    expect(await after.own('GET', `executions/${id!}`)).toMatchObject({ status: 'completed' });
    expect(await after.run(ECHO)).toMatchObject({ status: 'completed' });
    expect(await logins(dataDirectory)).toEqual(bound);
    expect((await second.stop()).code).toBe(0);
  });

  it('is verified beside its very first start, but not once its root key has changed under it', async () => {
    const dataDirectory = await newDataDirectory();
    const server = new ServerProcess({ dataDirectory });
    const api = await client(server, dataDirectory);
    await api.own('POST', 'api-keys', { provider: 'openai', apiKey: 'sk-first-start-00000000' });
    const keys = (...words: string[]) => runKeys(words, { KEYRUN_DATA_DIR: dataDirectory });
    expect(await keys('status', '--verify')).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining('1 of 1 secrets open') as string,
    });
    expect(await keys('rotate-root')).toMatchObject({ code: 0 });
    expect(await keys('status', '--verify')).toMatchObject({
      code: 69,
      stderr: expect.stringContaining('started before the root key changed') as string,
    });
    expect((await server.stop()).code).toBe(0);
  });
});
