import { FaultyUpstream } from '../support/faulty-upstream';
import { expectProblem } from '../support/problem-of';
import { TestApp } from '../support/test-app';

const OPENAI = {
  agentId: 'two-nodes',
  provider: 'openai',
  model: 'gpt-4o-mini',
  messages: [{ role: 'user', content: 'Hello' }],
};

describe('two nodes on one database', () => {
  let upstream: FaultyUpstream;
  let left: TestApp;
  let right: TestApp;

  beforeAll(async () => {
    upstream = await FaultyUpstream.start();
    const variables = { KEYRUN_ALLOWED_HOSTS: upstream.host };
    left = await TestApp.start({ variables });
    right = await TestApp.start({ variables, nodeOf: left });
  });

  afterAll(async () => {
    await right.close();
    await left.close();
    await upstream.close();
  });

  const saveKey = async (apiKey: string) => {
    const body = { provider: 'openai', apiKey, baseUrl: upstream.openAiBaseUrl };
    const answer = await left.request('post', left.path('api-keys')).send(body).expect(201);
    return answer.body.id as string;
  };

  it('accept the same tokens, and refuse a revoked one from the next request on', async () => {
    const { body } = await left
      .request('post', left.path('tokens'))
      .send({ name: 'Shared', role: 'viewer' })
      .expect(201);
    const token = body.token as string;
    for (const node of [left, right, left, right]) {
      await node.request('get', node.path('executions'), token).expect(200);
    }
    await left.request('delete', left.path(`tokens/${body.id}`)).expect(204);
    for (const node of [right, left]) {
      const answer = await node.request('get', node.path('executions'), token);
      expectProblem(answer, 'unauthenticated');
    }
  });

  it('use the same keys, and a deleted one nowhere from the next request on', async () => {
    const id = await saveKey('sk-test-two-nodes-000001');
    for (const node of [right, left]) {
      const answer = await node.request('post', node.path('executions')).send(OPENAI).expect(201);
      expect(answer.body.apiKeyId).toBe(id);
    }
    await left.request('delete', left.path(`api-keys/${id}`)).expect(204);
    const before = upstream.requests.length;
    for (const node of [right, left]) {
      const answer = await node.request('post', node.path('executions')).send(OPENAI);
      expectProblem(answer, 'provider_key_missing');
    }
    expect(upstream.requests).toHaveLength(before);
  });

  it('send a replaced secret from the next request on', async () => {
    const id = await saveKey('sk-test-before-00000000');
    await right.request('post', right.path('executions')).send(OPENAI).expect(201);
    await left
      .request('put', left.path(`api-keys/${id}/secret`))
      .send({ apiKey: 'sk-test-after-000000000' })
      .expect(200);
    await right.request('post', right.path('executions')).send(OPENAI).expect(201);
    expect(upstream.requests.slice(-2).map(({ headers }) => headers.authorization)).toEqual([
      'Bearer sk-test-before-00000000',
      'Bearer sk-test-after-000000000',
    ]);
  });

  it('do not open a workspace that the other one deleted', async () => {
    const made = await left.request('post', '/api/workspaces').send({ name: 'Short-lived' });
    const path = right.path('executions', made.body.id as string);
    const run = { ...OPENAI, provider: 'echo', model: 'echo' };
    await right.request('post', path).send(run).expect(201);
    await left.request('delete', `/api/workspaces/${made.body.id}`).expect(204);
    expectProblem(await right.request('post', path).send(run), 'not_found');
    expectProblem(await right.request('get', path), 'not_found');
  });
});
