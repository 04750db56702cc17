import { expectProblem } from '../support/problem-of';
import { MODELS, TestBench } from '../support/test-bench';

const OPENAI = { provider: 'openai', model: MODELS.openai };

describe('API keys', () => {
  let bench: TestBench;

  beforeAll(async () => {
    bench = await TestBench.start();
  });

  afterAll(async () => {
    await bench.close();
  });

  const create = (workspaceId: string, body: object) =>
    bench.app.request('post', bench.app.path('api-keys', workspaceId)).send(body);
  const list = async (workspaceId: string, query = '') => {
    const path = bench.app.path(`api-keys${query}`, workspaceId);
    return (await bench.app.request('get', path).expect(200)).body;
  };
  const patch = (workspaceId: string, id: string, body: object) =>
    bench.app.request('patch', bench.app.path(`api-keys/${id}`, workspaceId)).send(body);
  /** The key that the last request to the upstream carried. */
  const lastKeySent = () => bench.upstream.requests.at(-1)!.headers.authorization;

  it('are created with what may be shown of them', async () => {
    const workspaceId = await bench.createWorkspace();
    const created = await create(workspaceId, {
      provider: 'openai',
      apiKey: 'sk-test-created-0000abcd',
      label: 'Production',
      baseUrl: 'https://API.Example.com:443/v1/',
      priority: 7,
    }).expect(201);
    expect(created.body).toEqual({
      id: expect.any(String),
      provider: 'openai',
      label: 'Production',
      last4: 'abcd',
      status: 'untested',
      baseUrl: 'https://api.example.com/v1',
      priority: 7,
      enabled: true,
      lastTestedAt: null,
      lastUsedAt: null,
      createdAt: expect.any(String),
      updatedAt: created.body.createdAt,
      warnings: [],
    });
    const { warnings, ...saved } = created.body;
    expect(warnings).toEqual([]);
    expect(await bench.readKey(saved.id as string, workspaceId)).toEqual(saved);
    expect(await list(workspaceId)).toEqual({
      object: 'list',
      data: [saved],
      hasMore: false,
      nextCursor: null,
    });
  });

  it('have defaults: the name of the provider, its own address, the first priority', async () => {
    const workspaceId = await bench.createWorkspace();
    const { body } = await create(workspaceId, {
      provider: 'anthropic',
      apiKey: 'sk-ant-test-0000wxyz',
    }).expect(201);
    expect(body).toMatchObject({ label: 'Anthropic', baseUrl: null, priority: 0, enabled: true });
  });

  it('show nothing of a key so short that four characters would be too much', async () => {
    const workspaceId = await bench.createWorkspace();
    const short = await create(workspaceId, { provider: 'openai', apiKey: 'sk-test-123' });
    const long = await create(workspaceId, { provider: 'openai', apiKey: 'sk-test-1234' });
    expect([short.body.last4, long.body.last4]).toEqual(['', '1234']);
  });

  it.each([
    ['anthropic', 'sk-proj-test-00000000', /OpenAI/],
    ['openai', 'sk-ant-test-000000000', /Anthropic/],
    ['openai', 'sk-proj-test-00000000', null],
    ['anthropic', 'sk-ant-test-000000000', null],
    ['openai', 'another-form-of-a-key', null],
  ])(
    'for %s that begin like %s are saved, with a warning if wrong',
    async (provider, apiKey, says) => {
      const workspaceId = await bench.createWorkspace();
      const { body } = await create(workspaceId, { provider, apiKey }).expect(201);
      expect(body.warnings).toEqual(says === null ? [] : [expect.stringMatching(says)]);
      expect(JSON.stringify(body)).not.toContain(apiKey);
      expect((await list(workspaceId)).data).toHaveLength(1);
    },
  );

  it('are listed newest first, page by page', async () => {
    const workspaceId = await bench.createWorkspace();
    const ids: string[] = [];
    for (let number = 0; number < 3; number += 1) {
      ids.push(await bench.saveKey('openai', { label: `Key ${number}` }, workspaceId));
    }
    const first = await list(workspaceId, '?limit=2');
    expect(first).toMatchObject({ hasMore: true, nextCursor: ids[1] });
    expect(first.data.map((key: { id: string }) => key.id)).toEqual([ids[2], ids[1]]);
    const second = await list(workspaceId, `?limit=2&after=${ids[1]}`);
    expect(second).toMatchObject({ data: [{ id: ids[0] }], hasMore: false, nextCursor: null });
  });

  it('are changed in label, order and use; the rest stays', async () => {
    const workspaceId = await bench.createWorkspace();
    const id = await bench.saveKey('openai', {}, workspaceId);
    const before = await bench.readKey(id, workspaceId);
    const change = { label: 'Renamed', priority: 3, enabled: false };
    const changed = await patch(workspaceId, id, change).expect(200);
    expect(changed.body).toEqual({
      ...before,
      ...change,
      status: 'disabled',
      updatedAt: expect.any(String),
    });
    expect((await patch(workspaceId, id, { enabled: true }).expect(200)).body).toMatchObject({
      label: 'Renamed',
      priority: 3,
      status: 'untested',
    });
    expect((await patch(workspaceId, id, {}).expect(200)).body.label).toBe('Renamed');
  });

  it('keep their id when the secret is replaced, and forget how the old one did', async () => {
    const workspaceId = await bench.createWorkspace();
    const id = await bench.saveKey('openai', { apiKey: 'sk-test-old-00000000' }, workspaceId);
    bench.upstream.script([{ status: 401 }]);
    await bench.run(OPENAI, workspaceId).expect(424);
    await bench.keyWithStatus(id, 'invalid', workspaceId);
    const path = bench.app.path(`api-keys/${id}/secret`, workspaceId);
    const replaced = await bench.app
      .request('put', path)
      .send({ apiKey: 'sk-test-new-00009999' })
      .expect(200);
    expect(replaced.body).toMatchObject({
      id,
      last4: '9999',
      status: 'untested',
      lastTestedAt: null,
      baseUrl: bench.upstream.openAiBaseUrl,
      warnings: [],
    });
    await bench.run(OPENAI, workspaceId).expect(201);
    expect(lastKeySent()).toBe('Bearer sk-test-new-00009999');
    await bench.keyWithStatus(id, 'active', workspaceId);
  });

  it('change their destination only together with the secret', async () => {
    const workspaceId = await bench.createWorkspace();
    const id = await bench.saveKey('openai', {}, workspaceId);
    const path = bench.app.path(`api-keys/${id}/secret`, workspaceId);
    const moved = await bench.app
      .request('put', path)
      .send({ apiKey: 'sk-test-moved-000000', baseUrl: `${bench.upstream.openAiBaseUrl}/` })
      .expect(200);
    expect(moved.body.baseUrl).toBe(bench.upstream.openAiBaseUrl);
    await bench.run(OPENAI, workspaceId).expect(201);
    const home = await bench.app
      .request('put', path)
      .send({ apiKey: 'sk-test-home-0000000', baseUrl: null })
      .expect(200);
    expect(home.body.baseUrl).toBeNull();
  });

  it('are used in the order of their priority, equal ones oldest first', async () => {
    const workspaceId = await bench.createWorkspace();
    const save = (name: string, priority: number) =>
      bench.saveKey('openai', { apiKey: `sk-test-${name}-00000000`, priority }, workspaceId);
    const second = await save('second', 5);
    const third = await save('third', 5);
    const first = await save('first', 1);
    const usedNow = async () => (await bench.run(OPENAI, workspaceId).expect(201)).body.apiKeyId;
    expect(await usedNow()).toBe(first);
    expect(lastKeySent()).toBe('Bearer sk-test-first-00000000');
    await patch(workspaceId, first, { enabled: false }).expect(200);
    expect(await usedNow()).toBe(second);
    await patch(workspaceId, third, { priority: 0 }).expect(200);
    expect(await usedNow()).toBe(third);
    await patch(workspaceId, third, { enabled: false }).expect(200);
    await patch(workspaceId, second, { enabled: false }).expect(200);
    const before = bench.upstream.requests.length;
    expectProblem(await bench.run(OPENAI, workspaceId), 'provider_key_missing');
    expect(bench.upstream.requests).toHaveLength(before);
  });

  it('that failed at their last use come after those that did not, and are tried again', async () => {
    const workspaceId = await bench.createWorkspace();
    const broken = await bench.saveKey('openai', { priority: 0 }, workspaceId);
    bench.upstream.script([{ status: 401 }]);
    await bench.run(OPENAI, workspaceId).expect(424);
    await bench.keyWithStatus(broken, 'invalid', workspaceId);
    const spare = await bench.saveKey('openai', { priority: 9 }, workspaceId);
    expect((await bench.run(OPENAI, workspaceId).expect(201)).body.apiKeyId).toBe(spare);
    await bench.app.request('delete', bench.app.path(`api-keys/${spare}`, workspaceId)).expect(204);
    expect((await bench.run(OPENAI, workspaceId).expect(201)).body.apiKeyId).toBe(broken);
    await bench.keyWithStatus(broken, 'active', workspaceId);
  });

  it('are deleted one by one or by provider, at once', async () => {
    const workspaceId = await bench.createWorkspace();
    const single = await bench.saveKey('openai', {}, workspaceId);
    const path = (rest: string) => bench.app.path(`api-keys${rest}`, workspaceId);
    const answer = await bench.app.request('delete', path(`/${single}`)).expect(204);
    expect(answer.text).toBe('');
    expectProblem(await bench.app.request('get', path(`/${single}`)), 'not_found');
    expectProblem(await bench.app.request('delete', path(`/${single}`)), 'not_found');
    const kept = await bench.saveKey('anthropic', {}, workspaceId);
    await bench.saveKey('openai', {}, workspaceId);
    await bench.saveKey('openai', {}, workspaceId);
    await bench.app.request('delete', path('?provider=openai')).expect(204);
    await bench.app.request('delete', path('?provider=openai')).expect(204);
    const typo = await bench.app.request('delete', path('?provider=antropic'));
    expectProblem(typo, 'validation_failed');
    expect(typo.body.errors).toEqual([
      { pointer: '?provider', message: 'is no provider; known are openai, anthropic, echo' },
    ]);
    const rest = await list(workspaceId);
    expect(rest.data.map((key: { id: string }) => key.id)).toEqual([kept]);
    expectProblem(await bench.run(OPENAI, workspaceId), 'provider_key_missing');
    await bench.run({ provider: 'anthropic', model: MODELS.anthropic }, workspaceId).expect(201);
  });

  it('of a workspace are not those of another', async () => {
    const [mine, other] = [await bench.createWorkspace(), await bench.createWorkspace()];
    const id = await bench.saveKey('openai', {}, mine);
    expectProblem(await bench.run(OPENAI, other), 'provider_key_missing');
    expectProblem(await bench.run({ ...OPENAI, apiKeyId: id }, other), 'provider_key_missing');
  });

  it('have providers to choose from', async () => {
    const { body } = await bench.app.request('get', '/api/providers').expect(200);
    expect(body.data.map((provider: { id: string }) => provider.id)).toEqual([
      'openai',
      'anthropic',
      'echo',
    ]);
    expect(body.data[0]).toMatchObject({
      displayName: 'OpenAI',
      requiresKey: true,
      credentialFields: [{ name: 'apiKey', required: true, secret: true }],
    });
  });
});
