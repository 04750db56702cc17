import type { DataSource, EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { createDataSource } from '../../ormconfig';
import { ExecutionContent } from '../../src/content';
import { nameToken, runRequest, TenantDatabase } from '../../src/database';
import { TestApp } from '../support/test-app';

const TENANT_COLUMN: Record<string, string> = {
  workspaces: 'id',
  access_tokens: 'home_workspace_id',
};

describe('row-level security', () => {
  let app: TestApp;
  let owner: DataSource;
  let runtime: DataSource;
  let tenants: TenantDatabase;
  let tables: { name: string; column: string }[];
  let other: string;

  beforeAll(async () => {
    app = await TestApp.start();
    owner = app.database.dataSource;
    runtime = app.database.runtime;
    tenants = new TenantDatabase(runtime);
    other = (await app.request('post', '/api/workspaces').send({ name: 'Other' })).body
      .id as string;
    for (const workspaceId of [app.workspaceId, other]) await fill(workspaceId);
    const rows = await owner.query<{ name: string }[]>(`
      SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace
        AND relkind IN ('r', 'p') AND NOT relispartition
        AND relname NOT IN ('migrations', 'rate_limits', 'servers') ORDER BY 1`);
    tables = rows.map(({ name }) => ({ name, column: TENANT_COLUMN[name] ?? 'workspace_id' }));
  });

  afterAll(async () => {
    await app.close();
  });

  /** A row in every table of the workspace. */
  async function fill(workspaceId: string): Promise<void> {
    await app
      .request('post', app.path('api-keys', workspaceId))
      .send({ provider: 'openai', apiKey: 'sk-test-row-level-security' })
      .expect(201);
    await app.app.get(ExecutionContent, { strict: false }).sealer(workspaceId);
    await fillWebhooks(workspaceId);
    const viewer = await app.tokenOf('viewer', workspaceId);
    await app.request('post', '/api/session', viewer).send({}).expect(201);
    await app
      .request('post', app.path('executions', workspaceId))
      .send({
        agentId: 'a',
        provider: 'echo',
        model: 'echo',
        messages: [{ role: 'user', content: 'x' }],
      })
      .set('Idempotency-Key', 'row-level-security')
      .expect(201);
  }

  /** Disabled, and its one delivery done, so that the worker leaves all of it alone. */
  async function fillWebhooks(workspaceId: string): Promise<void> {
    const { body } = await app
      .request('post', app.path('webhooks', workspaceId))
      .send({ url: 'https://hooks.example.com/' })
      .expect(201);
    const id = uuidv7();
    await owner.query(`UPDATE webhooks SET enabled = false WHERE id = $1`, [body.id]);
    await owner.query(
      `INSERT INTO webhook_deliveries (id, workspace_id, webhook_id, execution_id, event, data, occurred_at,
         status, next_attempt_at, created_at)
       VALUES ($1, $2, $3, $1, 'execution.failed', '{}', now(), 'delivered', now(), now())`,
      [id, workspaceId, body.id],
    );
    await owner.query(
      `INSERT INTO webhook_attempts (delivery_id, attempt_number, workspace_id, started_at, latency_ms)
       VALUES ($1, 1, $2, now(), 7)`,
      [id, workspaceId],
    );
  }

  const countIn = async (manager: EntityManager | DataSource, sql: string, values?: unknown[]) => {
    const [row] = await manager.query<{ count: number }[]>(
      `SELECT count(*)::integer AS count FROM ${sql}`,
      values,
    );
    return row!.count;
  };

  it('is enabled, forced and has a policy on every table, and is on for every partition', async () => {
    const rows = await owner.query(`
      SELECT relname, relispartition, relrowsecurity, relforcerowsecurity,
             EXISTS (SELECT FROM pg_policy WHERE polrelid = pg_class.oid) AS "hasPolicy"
        FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
         AND relname <> 'migrations'`);
    expect(rows.length).toBeGreaterThan(20);
    for (const row of rows) {
      const { relname, relispartition, ...state } = row;
      const wanted = {
        relrowsecurity: true,
        relforcerowsecurity: true,
        hasPolicy: !relispartition,
      };
      expect({ relname, ...state }).toEqual({ relname, ...wanted });
    }
  });

  it('every table belongs to a tenant by a column', async () => {
    for (const { name, column } of tables) {
      await owner.query(`SELECT ${column} FROM ${name} LIMIT 0`);
    }
    expect(tables.map((table) => table.name)).toEqual(
      expect.arrayContaining(['api_keys', 'agent_executions', 'attempt_outcomes', 'access_tokens']),
    );
  });

  it('shows nothing outside of a workspace, except the data key of the server', async () => {
    for (const { name } of tables) {
      expect([name, await countIn(owner, name)]).not.toEqual([name, 0]);
      expect([name, await countIn(runtime, name)]).toEqual([
        name,
        name === 'workspace_data_keys' ? 1 : 0,
      ]);
    }
  });

  it('shows exactly the rows of the workspace, in every table', async () => {
    for (const { name, column } of tables) {
      const own = await countIn(owner, `${name} WHERE ${column} = $1`, [other]);
      const visible = await tenants.read(other, (manager) => countIn(manager, name));
      // The token of the first workspace made this one, so it has a grant here.
      expect([name, visible]).toEqual([name, name === 'access_tokens' ? own + 1 : own]);
    }
  });

  it('refuses to write into, move to or change another workspace', async () => {
    const label = (manager: EntityManager, workspaceId: string) =>
      manager.query(`UPDATE api_keys SET label = 'taken' WHERE workspace_id = $1`, [workspaceId]);
    await tenants.write(other, (manager) => label(manager, app.workspaceId));
    expect(await countIn(owner, `api_keys WHERE label = 'taken'`)).toBe(0);

    const move = tenants.write(other, (manager) =>
      manager.query(`UPDATE api_keys SET workspace_id = $1`, [app.workspaceId]),
    );
    await expect(move).rejects.toThrow('row-level security');
    const plant = tenants.write(other, (manager) =>
      manager.query(`INSERT INTO access_token_grants VALUES ($1, $2, 'owner')`, [
        uuidv7(),
        app.workspaceId,
      ]),
    );
    await expect(plant).rejects.toThrow('row-level security');
  });

  it('lets the application neither write the ledger, nor truncate, nor create, nor read partitions', async () => {
    for (const statement of [
      `UPDATE agent_executions SET cost_nano_usd = 0`,
      `DELETE FROM attempt_outcomes`,
      `UPDATE webhook_deliveries SET status = 'delivered'`,
      `INSERT INTO webhook_attempts SELECT * FROM webhook_attempts`,
      `INSERT INTO execution_attempts SELECT * FROM execution_attempts`,
      `TRUNCATE api_keys`,
      `CREATE TABLE public.mine (id uuid)`,
      `ALTER TABLE api_keys DISABLE ROW LEVEL SECURITY`,
      `SELECT * FROM migrations`,
      `SELECT create_execution_partitions(1)`,
      `SELECT * FROM rate_limits`,
    ]) {
      await expect(runtime.query(statement)).rejects.toThrow(/permission denied|must be owner/);
    }
    const [partition] = await owner.query(
      `SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r' LIMIT 1`,
    );
    await expect(runtime.query(`SELECT * FROM ${partition.relname}`)).rejects.toThrow(
      'permission denied',
    );
  });

  it('gives a request nothing in a workspace that its token has no grant on', async () => {
    const stranger = await owner.query<{ id: string }[]>(
      `SELECT id FROM access_tokens WHERE home_workspace_id = $1`,
      [other],
    );
    const count = () => tenants.read(app.workspaceId, (manager) => countIn(manager, 'api_keys'));
    expect(await count()).toBe(1);
    expect(await runRequest(count)).toBe(0);
    const named = runRequest(() => {
      nameToken(stranger[0]!.id);
      return count();
    });
    expect(await named).toBe(0);
  });

  it('never leaks a workspace to the next user of a pooled connection', async () => {
    const single = createDataSource(app.database.url.expose(), 'keyrun_runtime');
    single.setOptions({ poolSize: 1 });
    await single.initialize();
    const lone = new TenantDatabase(single);
    const reads = Array.from({ length: 300 }, async (_, index) => {
      const workspaceId = index % 2 === 0 ? app.workspaceId : other;
      const seen = await lone
        .read(workspaceId, async (manager) => {
          if (index % 7 === 0) await manager.query('SELECT 1 / 0');
          return manager.query<{ id: string }[]>('SELECT workspace_id AS id FROM api_keys');
        })
        .catch(() => [{ id: workspaceId }]);
      expect(seen).toEqual([{ id: workspaceId }]);
    });
    await Promise.all(reads);
    expect(await countIn(single, 'api_keys')).toBe(0);
    await single.destroy();
  });

  it('takes only a UUID into the statement that enters a workspace', async () => {
    const inject = tenants.read(`${other}'); SELECT pg_sleep(1); --`, () => Promise.resolve(1));
    await expect(inject).rejects.toThrow('not a UUID');
  });
});
