import type { ServerResponse } from 'node:http';
import { Client } from 'pg';
import { AuditBuffer } from '../../src/audit-trail';
import type { ErrorCode } from '../../src/common';
import { auditRows } from '../support/audit-rows';
import { FaultyUpstream } from '../support/faulty-upstream';
import { expectProblem } from '../support/problem-of';
import { TestApp } from '../support/test-app';

const OPENAI = {
  agentId: 'warm',
  provider: 'openai',
  model: 'gpt-4o-mini',
  messages: [{ role: 'user', content: 'Hello' }],
};

const MISSING = '00000000-0000-7000-8000-000000000000';

/** Every prepared statement that an execution may need. */
const OF_EXECUTIONS = /^(authenticate|find_api_key|start|record|settle)/;

/** One node knows everything from a moment ago; whatever changes is changed at the other, or beside both. */
describe('an execution of which a node knows the caller and the key', () => {
  let upstream: FaultyUpstream;
  let node: TestApp;
  let other: TestApp;
  let workspaceId: string;
  let token: string;
  let tokenId: string;
  let keyId: string;

  beforeAll(async () => {
    upstream = await FaultyUpstream.start();
    const variables = { KEYRUN_ALLOWED_HOSTS: upstream.host };
    node = await TestApp.start({ variables });
    other = await TestApp.start({ variables, nodeOf: node });
  });

  afterAll(async () => {
    await other.close();
    await node.close();
    await upstream.close();
  });

  const elsewhere = async (method: 'post' | 'put' | 'patch' | 'delete', rest: string, body = {}) =>
    (await other.request(method, other.path(rest, workspaceId)).send(body)).body;
  const saveKey = async (fields: object = {}) => {
    const place = { provider: 'openai', baseUrl: upstream.openAiBaseUrl, priority: 2 };
    return (
      await elsewhere('post', 'api-keys', {
        ...place,
        apiKey: 'sk-test-warm-0000000001',
        ...fields,
      })
    ).id;
  };
  const run = (body: object = {}) =>
    node.request('post', node.path('executions', workspaceId), token).send({ ...OPENAI, ...body });
  const update = (change: string) =>
    node.database.dataSource.query(`UPDATE access_tokens SET ${change} WHERE id = '${tokenId}'`);
  const lastRequest = () => upstream.requests.at(-1)!;
  const countExecutions = async () => {
    const text = `SELECT count(*)::int AS count FROM agent_executions WHERE workspace_id = '${workspaceId}'`;
    const [row] = await node.database.dataSource.query<[{ count: number }]>(text);
    return row.count;
  };

  const untilActive = async () => {
    const path = other.path(`api-keys/${keyId}`, workspaceId);
    for (let status = ''; status !== 'active';)
      status = (await other.request('get', path)).body.status;
  };

  beforeEach(async () => {
    workspaceId = (await other.request('post', '/api/workspaces').send({ name: 'Warm' })).body.id;
    const made = await elsewhere('post', 'tokens', { name: 'Warm', role: 'developer' });
    [token, tokenId] = [made.token, made.id];
    keyId = await saveKey();
    await run().expect(201);
    // Noted beside the answer; until then the key is about to change.
    await untilActive();
    await run().expect(201);
  });

  const REFUSALS: readonly [string, () => Promise<unknown>, ErrorCode][] = [
    ['the token is revoked', () => elsewhere('delete', `tokens/${tokenId}`), 'unauthenticated'],
    ['the token has expired', () => update(`expires_at = now()`), 'unauthenticated'],
    ['the token lost its scope', () => update(`scopes = '{executions:read}'`), 'forbidden'],
    ['the token is bound to an agent', () => update(`agent_id = 'another'`), 'forbidden'],
    [
      'the role is less',
      () =>
        node.database.dataSource.query(
          `UPDATE access_token_grants SET role = 'viewer' WHERE token_id = $1`,
          [tokenId],
        ),
      'forbidden',
    ],
    [
      'the workspace is out of reach',
      () =>
        node.database.dataSource.query('DELETE FROM access_token_grants WHERE token_id = $1', [
          tokenId,
        ]),
      'not_found',
    ],
    [
      'the workspace is deleted',
      () => other.request('delete', `/api/workspaces/${workspaceId}`),
      'unauthenticated',
    ],
    ['the key is deleted', () => elsewhere('delete', `api-keys/${keyId}`), 'provider_key_missing'],
    [
      'the key is disabled',
      () => elsewhere('patch', `api-keys/${keyId}`, { enabled: false }),
      'provider_key_missing',
    ],
  ];

  it.each(REFUSALS)(
    'is refused when %s, and nothing is sent or written',
    async (_why, change, code) => {
      await change();
      const before = [upstream.requests.length, await countExecutions()];
      for (const body of [{}, { stream: true }, {}]) expectProblem(await run(body), code);
      expect([upstream.requests.length, await countExecutions()]).toEqual(before);
    },
  );

  it('is refused for who asks before it is refused for what is asked', async () => {
    await elsewhere('delete', `tokens/${tokenId}`);
    expectProblem(await run({ messages: 'none' }), 'unauthenticated');
    expectProblem(await run({ provider: 'never-heard-of' }), 'unauthenticated');
    expectProblem(await run({ apiKeyId: MISSING }), 'unauthenticated');
  });

  it('is not answered again under its idempotency key', async () => {
    await run().set('Idempotency-Key', 'warm').expect(201);
    await run().set('Idempotency-Key', 'warm').expect(201).expect('Idempotent-Replayed', 'true');
    // What is left of a token that has expired still reads the rows of its workspace.
    await update(`expires_at = now()`);
    expectProblem(await run().set('Idempotency-Key', 'warm'), 'unauthenticated');
  });

  it('is still refused for what is asked', async () => {
    const problem = expectProblem(await run({ messages: 'none' }), 'validation_failed');
    expect(problem.errors?.[0]?.pointer).toBe('/messages');
    expectProblem(await run({ apiKeyId: MISSING }), 'provider_key_missing');
  });

  it('is told how it failed, though its caller lost their token meanwhile', async () => {
    const refuse = async (response: ServerResponse) => {
      await elsewhere('delete', `tokens/${tokenId}`);
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end('{"error":{"type":"invalid_request_error","message":"No."}}');
    };
    upstream.script([{ raw: (response) => void refuse(response) }]);
    const problem = expectProblem(await run(), 'invalid_request');
    expect(problem).toMatchObject({ executionId: expect.any(String) });
  });

  it('goes on when the secret is rotated, with the former one as long as that works', async () => {
    const rotated = await elsewhere('post', `tokens/${tokenId}/rotate`, { overlapSeconds: 600 });
    await run().expect(201);
    await run().expect(201);
    await update(`previous_expires_at = now()`);
    expectProblem(await run(), 'unauthenticated');
    token = rotated.token;
    await run().expect(201);
  });

  it('is paid with the secret that was put in place of the one that is known', async () => {
    await elsewhere('put', `api-keys/${keyId}/secret`, { apiKey: 'sk-test-replaced-000001' });
    await run().expect(201);
    expect(lastRequest().headers.authorization).toBe('Bearer sk-test-replaced-000001');
  });

  it.each([false, true])(
    'opens no key for an execution that never was (stream: %s)',
    async (stream) => {
      await elsewhere('put', `api-keys/${keyId}/secret`, { apiKey: 'sk-test-replaced-000001' });
      const { headers } = await run({ stream });
      const id = (headers.location as string).split('/').at(-1);
      await node.app.get(AuditBuffer, { strict: false }).flush();
      const uses = (await auditRows(node, workspaceId)).filter(
        ({ action }) => action === 'api-key.used',
      );
      expect(uses.slice(-2).map(({ purpose }) => purpose)).toEqual([id, id]);
      const known = await node.request('get', node.path('executions', workspaceId), token);
      const ids = (known.body.data as { id: string }[]).map((execution) => execution.id);
      expect(ids).toEqual(expect.arrayContaining(uses.map(({ purpose }) => purpose)));
    },
  );

  it('is paid with the key that comes first now', async () => {
    const first = await saveKey({ apiKey: 'sk-test-first-0000000001', priority: 1 });
    expect((await run().expect(201)).body.apiKeyId).toBe(first);
    expect(lastRequest().headers.authorization).toBe('Bearer sk-test-first-0000000001');
    await elsewhere('patch', `api-keys/${first}`, { priority: 3 });
    expect((await run().expect(201)).body.apiKeyId).toBe(keyId);
  });

  it('asks the provider to store it from the moment on that the workspace wants that', async () => {
    const wanted = async (storeAtProvider: boolean) => {
      const path = `/api/workspaces/${workspaceId}`;
      await other.request('patch', path).send({ storeAtProvider }).expect(200);
      const { body } = await run().expect(201);
      const { store, metadata } = lastRequest().body ?? {};
      return [
        store,
        (metadata as { keyrun_execution_id?: string } | undefined)?.keyrun_execution_id,
        body.id,
      ];
    };
    const [store, storedAs, id] = await wanted(true);
    expect([store, storedAs]).toEqual([true, id]);
    expect((await wanted(false)).slice(0, 2)).toEqual([undefined, undefined]);
  });

  it('takes two statements', async () => {
    const statements: unknown[] = [];
    const real = Reflect.get(Client.prototype, 'query') as (...values: unknown[]) => unknown;
    const watched = jest.spyOn(Client.prototype, 'query');
    watched.mockImplementation(function (this: Client, ...values: unknown[]) {
      const { name } = values[0] as { name?: string };
      if (name !== undefined && OF_EXECUTIONS.test(name)) statements.push(name);
      return Reflect.apply(real, this, values);
    });
    try {
      await run({ stream: true }).expect(200);
    } finally {
      watched.mockRestore();
    }
    expect(statements).toEqual(['start_confirmed_executions', 'settle_executions']);
  });
});
