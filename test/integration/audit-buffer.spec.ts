import { AuditBuffer } from '../../src/audit-trail';
import { AuditVerifier } from '../../src/audit';
import { nameToken, runRequest } from '../../src/database';
import { type AuditRow, auditRows } from '../support/audit-rows';
import { FaultyUpstream } from '../support/faulty-upstream';
import { TestApp } from '../support/test-app';

const TOKEN_ID = '01990000-0000-7000-8000-000000000001';

describe('audit events of the hot path', () => {
  let upstream: FaultyUpstream;
  let app: TestApp;
  let keyId: string;

  beforeAll(async () => {
    upstream = await FaultyUpstream.start();
  });

  afterAll(async () => {
    await upstream.close();
  });

  beforeEach(async () => {
    app = await start();
    const { body } = await app
      .request('post', app.path('api-keys'))
      .send({
        provider: 'openai',
        apiKey: 'sk-test-audit-use-000001234',
        baseUrl: `${upstream.url}/v1`,
      })
      .expect(201);
    keyId = body.id;
  });

  afterEach(async () => {
    await app.close();
  });

  const start = (nodeOf?: TestApp) =>
    TestApp.start({ nodeOf, variables: { KEYRUN_ALLOWED_HOSTS: new URL(upstream.url).host } });
  const execute = (on = app, provider = 'openai') =>
    on.request('post', on.path('executions')).send({
      agentId: 'a',
      provider,
      model: provider === 'echo' ? 'echo' : 'gpt-4o-mini',
      messages: [{ role: 'user', content: 'x' }],
    });
  const bufferOf = (on: TestApp) => on.app.get(AuditBuffer, { strict: false });
  const uses = async (action = 'api-key.used'): Promise<AuditRow[]> =>
    (await auditRows(app, app.workspaceId)).filter((row) => row.action === action);
  const isIntact = async () =>
    (await app.app.get(AuditVerifier, { strict: false }).verify(app.workspaceId)).ok;

  it('record each opening of a key with its execution, caller and request', async () => {
    const answer = await execute().expect(201);
    const [owner] = await app.database.dataSource.query(`SELECT id FROM access_tokens`);
    await bufferOf(app).flush();
    expect(await uses()).toMatchObject([
      {
        subject_type: 'api-key',
        subject_id: keyId,
        purpose: answer.body.id,
        actor: owner.id,
        request_id: answer.headers['x-request-id'],
        details: { provider: 'openai', secretVersion: 1 },
      },
    ]);
    expect(await isIntact()).toBe(true);
  });

  it('record one for an execution with retries, for a failed one and for a test, none without a key', async () => {
    upstream.script([{ status: 500 }, { ok: true }, { status: 401 }]);
    const retried = await execute().expect(201);
    expect(retried.body.attempts).toHaveLength(2);
    const failed = await execute().expect(424);
    await execute(app, 'echo').expect(201);
    await app.request('post', app.path('api-keys/test')).send({ keyId }).expect(200);
    await bufferOf(app).flush();
    const purposes = (await uses()).map((row) => row.purpose);
    expect(purposes).toEqual([retried.body.id, failed.body.executionId, 'test']);
  });

  it('record a key that does not open', async () => {
    await app.database.dataSource.query(`UPDATE api_keys SET provider = 'anthropic'`);
    await execute(app, 'anthropic').expect(424);
    await bufferOf(app).flush();
    expect(await uses()).toEqual([]);
    expect(await uses('api-key.unreadable')).toMatchObject([
      { subject_id: keyId, details: { provider: 'anthropic', reason: 'auth_failed' } },
    ]);
  });

  it('arrive by themselves', async () => {
    await execute().expect(201);
    const deadline = Date.now() + 10_000;
    while ((await uses()).length === 0 && Date.now() < deadline) await new Promise(setImmediate);
    expect(await uses()).toHaveLength(1);
  });

  it('arrive when the server stops, with no execution missing', async () => {
    const node = await start(app);
    const answers = await Promise.all(Array.from({ length: 50 }, () => execute(node).expect(201)));
    await node.app.close();
    const purposes = (await uses()).map((row) => row.purpose);
    expect(purposes.sort()).toEqual(answers.map((answer) => answer.body.id as string).sort());
    expect(await isIntact()).toBe(true);
  });

  /** While it is open, the database refuses the statement. */
  async function outage(work: () => Promise<void>): Promise<void> {
    const { dataSource } = app.database;
    await dataSource.query(`ALTER FUNCTION append_audit_events(json) RENAME TO mislaid`);
    try {
      await work();
    } finally {
      await dataSource.query(`ALTER FUNCTION mislaid(json) RENAME TO append_audit_events`);
    }
  }
  const record = (purpose: string, workspaceId = app.workspaceId) => {
    bufferOf(app).record({ workspaceId, action: 'api-key.used', subjectId: keyId, purpose });
  };

  it('do not hinder executions while they cannot be stored, and are stored later', async () => {
    await outage(async () => {
      await execute().expect(201);
      await bufferOf(app).flush();
    });
    expect(await uses()).toEqual([]);
    await bufferOf(app).flush();
    expect(await uses()).toHaveLength(1);
  });

  it('are kept up to 10,000; the oldest beyond them are counted in an event of their own', async () => {
    await outage(async () => {
      runRequest(() => {
        nameToken(TOKEN_ID);
        for (let number = 1; number <= 10_700; number += 1) record(String(number));
      });
      await bufferOf(app).flush();
      await bufferOf(app).flush();
    });
    await runRequest(() => {
      nameToken(TOKEN_ID);
      return bufferOf(app).flush();
    });
    const stored = await uses();
    expect(stored.map((row) => row.purpose)).toEqual(
      Array.from({ length: 10_000 }, (_, index) => String(index + 701)),
    );
    const gaps = await uses('audit.gap');
    expect(gaps).toMatchObject([{ actor: 'server', request_id: null, details: { lost: 700 } }]);
    const { from, to } = gaps[0]!.details as { from: string; to: string };
    expect(new Date(from) <= new Date(to) && new Date(to) <= stored[0]!.occurred_at).toBe(true);
    expect(await isIntact()).toBe(true);
  });

  it('that the database refuses do not hold up the others, and are counted', async () => {
    record('before');
    record('x'.repeat(101));
    record('after');
    await bufferOf(app).flush();
    expect((await uses()).map((row) => row.purpose)).toEqual(['before', 'after']);
    expect(await uses('audit.gap')).toMatchObject([{ details: { lost: 1 } }]);
  });

  it('of a workspace that was deleted meanwhile are dropped, the others stored', async () => {
    const { body } = await app.request('post', '/api/workspaces').send({ name: 'x' }).expect(201);
    record('gone', body.id as string);
    record('kept');
    await app.request('delete', `/api/workspaces/${body.id}`).expect(204);
    await bufferOf(app).flush();
    expect((await uses()).map((row) => row.purpose)).toEqual(['kept']);
    expect(await uses('audit.gap')).toEqual([]);
  });

  it('are stored once, also when the answer of the database got lost', async () => {
    const { runtime } = app.database;
    const event = {
      ...{ id: TOKEN_ID, workspace_id: app.workspaceId, occurred_at: new Date().toISOString() },
      ...{ actor: 'server', action: 'api-key.used', subject_type: 'api-key', details: {} },
    };
    const append = async () => {
      const [row] = await runtime.query(`SELECT append_audit_events($1) AS appended`, [
        JSON.stringify([event]),
      ]);
      return row.appended as number;
    };
    expect([await append(), await append()]).toEqual([1, 0]);
    expect(await uses()).toHaveLength(1);
    expect(await isIntact()).toBe(true);
  });
});
