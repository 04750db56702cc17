import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import type { DataSource } from 'typeorm';
import { Secret } from '../../src/common';
import { openDatabase, openMaintenanceDatabase } from '../../src/database';
import { serverLogin } from '../../src/database/server-login';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

describe('the login that serves requests', () => {
  let database: TestDatabase;
  const opened: DataSource[] = [];
  const roles: string[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
    await database.dataSource.query(
      `INSERT INTO workspaces (id, name) VALUES ('01990000-0000-7000-8000-000000000001', 'x')`,
    );
  });

  afterEach(async () => {
    for (const dataSource of opened.splice(0)) await dataSource.destroy();
  });

  afterAll(async () => {
    await database.dataSource.query(`DROP OWNED BY ${roles.join(', ')}`);
    await database.dataSource.query(`DROP ROLE ${roles.join(', ')}`);
    await database.drop();
  });

  const open = async (...urls: Parameters<typeof openDatabase>) => {
    const dataSource = await openDatabase(...urls);
    opened.push(dataSource);
    return dataSource;
  };

  const urlOf = (user: string, password: string) => {
    const url = new URL(database.url.expose());
    [url.username, url.password] = [user, password];
    return new Secret(url.href);
  };

  /** A role of the cluster, named by chance, which is removed at the end. */
  async function addLogin(attributes: string, ...memberships: string[]): Promise<[string, Secret]> {
    const name = `keyrun_test_${randomBytes(6).toString('hex')}`;
    roles.push(name);
    await database.dataSource.query(`CREATE ROLE ${name} LOGIN PASSWORD 'first' ${attributes}`);
    for (const role of memberships) await database.dataSource.query(`GRANT ${role} TO ${name}`);
    return [name, urlOf(name, 'first')];
  }

  it.each([
    'RESET ROLE',
    'SET ROLE NONE',
    'SET SESSION AUTHORIZATION DEFAULT',
    'RESET SESSION AUTHORIZATION',
    'DISCARD ALL',
    'RESET ALL',
    `SELECT set_config('role', 'none', false)`,
  ])('gets no right back by %s', async (statement) => {
    const runtime = await open(database.url);
    const connection = runtime.createQueryRunner();
    try {
      await connection.query(statement);
      expect(await connection.query('SELECT id FROM workspaces')).toEqual([]);
      for (const forbidden of [
        `ALTER TABLE workspaces DISABLE ROW LEVEL SECURITY`,
        `UPDATE agent_executions SET cost_nano_usd = 0`,
        `SELECT * FROM migrations`,
        `CREATE ROLE anybody`,
      ]) {
        await expect(connection.query(forbidden)).rejects.toThrow(
          /permission denied|must be owner/,
        );
      }
    } finally {
      await connection.release();
    }
  });

  it.each([
    'SET ROLE keyrun_definer',
    'SET ROLE keyrun_owner',
    'SET SESSION AUTHORIZATION keyrun_owner',
    'GRANT keyrun_definer TO keyrun_runtime',
  ])('cannot %s', async (statement) => {
    await expect(database.runtime.query(statement)).rejects.toThrow('permission denied');
  });

  it('is made at the first start of an owner that may make roles, and found at every other', async () => {
    const [owner, url] = await addLogin('CREATEROLE');
    await database.dataSource.query(
      `GRANT keyrun_runtime, keyrun_definer TO ${owner} WITH ADMIN OPTION`,
    );
    const name = `keyrun_${randomBytes(6).toString('hex')}`;
    await database.dataSource.query(`CREATE DATABASE ${name} OWNER ${owner}`);
    try {
      const own = new URL(url.expose());
      own.pathname = `/${name}`;
      const ownerUrl = new Secret(own.href);
      const login = serverLogin(ownerUrl);
      roles.push(login.name);
      // Two nodes at once.
      const nodes = await Promise.all([open(ownerUrl), open(ownerUrl)]);
      for (const node of nodes) {
        expect(await node.query('SELECT session_user, current_user')).toEqual([
          { session_user: login.name, current_user: 'keyrun_runtime' },
        ]);
      }
      // The owner is no superuser here, and hangs triggers on partitions whose functions are not its own.
      await nodes[0].query('SELECT ensure_execution_partitions(9)');
      // Any login may change what its own sessions begin with, and its password.
      const readOnly = 'SET default_transaction_read_only = on';
      await nodes[0].query(`
        SET ROLE NONE;
        ALTER ROLE CURRENT_USER ${readOnly};
        ALTER ROLE CURRENT_USER IN DATABASE ${name} ${readOnly};
        ALTER ROLE CURRENT_USER PASSWORD 'another'`);
      const again = await open(ownerUrl);
      expect(await again.query('SHOW default_transaction_read_only')).toEqual([
        { default_transaction_read_only: 'off' },
      ]);
      const [kept] = await database.dataSource.query<{ rolpassword: string }[]>(
        'SELECT rolpassword FROM pg_authid WHERE rolname = $1',
        [login.name],
      );
      await database.dataSource.query(`ALTER ROLE ${owner} NOCREATEROLE`);
      await open(ownerUrl);
      expect(kept!.rolpassword).toMatch(/^SCRAM-SHA-256\$/);

      await database.dataSource.query(`ALTER ROLE ${owner} PASSWORD 'second'`);
      own.password = 'second';
      const refused = openDatabase(new Secret(own.href));
      await expect(refused).rejects.toMatchObject({
        exitCode: 69,
        message: expect.stringMatching(
          new RegExp(`${login.name}.* the password is wrong.* make roles, or set KEYRUN_RUNTIME`),
        ) as string,
      });
      await database.dataSource.query(`ALTER ROLE ${owner} CREATEROLE`);
      expect(await (await open(new Secret(own.href))).query('SELECT 1 AS one')).toEqual([
        { one: 1 },
      ]);
    } finally {
      for (const dataSource of opened.splice(0)) await dataSource.destroy();
      await database.dataSource.query(`DROP DATABASE ${name} WITH (FORCE)`);
    }
  });

  it('may be one of the operator, which inherits or not', async () => {
    for (const attributes of ['INHERIT', 'NOINHERIT']) {
      const [name, url] = await addLogin(attributes, 'keyrun_runtime');
      const runtime = await open(database.url, url);
      expect(await runtime.query('SELECT session_user AS user, id FROM workspaces')).toEqual([]);
      expect(await runtime.query('SELECT session_user AS user')).toEqual([{ user: name }]);
    }
  });

  it.each([
    ['the owner itself', '', 'keyrun_owner'],
    ['a superuser', 'SUPERUSER', 'keyrun_runtime'],
    ['one that bypasses row-level security', 'BYPASSRLS', 'keyrun_runtime'],
    ['one that makes roles', 'CREATEROLE', 'keyrun_runtime'],
    ['one that replicates', 'REPLICATION', 'keyrun_runtime'],
    ['one that could become the owner', 'NOINHERIT', 'keyrun_runtime, keyrun_owner'],
    ['one that could see all workspaces', 'NOINHERIT', 'keyrun_runtime, keyrun_definer'],
    ['one that reads all tables', 'NOINHERIT', 'keyrun_runtime, pg_read_all_data'],
  ])('is refused as %s', async (_what, attributes, memberships) => {
    const [name, url] = await addLogin(attributes, ...memberships.split(', '));
    await database.dataSource.query(`GRANT keyrun_runtime TO ${name}`);
    await expect(openDatabase(database.url, url)).rejects.toMatchObject({
      exitCode: 78,
      message: expect.stringMatching(
        /^The login that serves requests is, or could become, the role \w+, which row-level/,
      ) as string,
    });
  });

  it('is refused as the user of DATABASE_URL, and where it owns a table', async () => {
    await expect(openDatabase(database.url, database.url)).rejects.toMatchObject({ exitCode: 78 });
    const [name, url] = await addLogin('', 'keyrun_runtime');
    await database.dataSource.query(`CREATE TABLE mine (); ALTER TABLE mine OWNER TO ${name}`);
    await expect(openDatabase(database.url, url)).rejects.toThrow(`the role ${name},`);
  });

  it('names the setting when it cannot log in, and no password', async () => {
    const url = urlOf('nobody_there', 'pass-canary-of-a-test');
    const failure = await openDatabase(database.url, url).catch((error: unknown) => String(error));
    expect(failure).toMatch(/the password is wrong\. Check KEYRUN_RUNTIME_DATABASE_URL/);
    expect(failure).not.toContain('pass-canary');
  });

  it('leaves the command line its role, which is no login', async () => {
    const definer = await openMaintenanceDatabase(database.url);
    opened.push(definer);
    expect(await definer.query('SELECT current_user AS user')).toEqual([
      { user: 'keyrun_definer' },
    ]);
    const client = new Client({ connectionString: urlOf('keyrun_definer', 'any').expose() });
    await expect(client.connect()).rejects.toThrow();
  });
});
