import { rowCounts } from '../support/database-contents';
import { expectProblem } from '../support/problem-of';
import { MODELS, TestBench, type VendorId } from '../support/test-bench';

const VENDORS = Object.keys(MODELS) as VendorId[];
const NO_EXTRA_TOKENS = { cacheReadTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0 };

describe('an execution', () => {
  let bench: TestBench;
  let keyIds: Record<VendorId, string>;

  beforeAll(async () => {
    bench = await TestBench.start();
    keyIds = { openai: await bench.saveKey('openai'), anthropic: await bench.saveKey('anthropic') };
  });

  afterAll(async () => {
    await bench.close();
  });

  it.each([
    // 12 × 0.15 + 7 × 0.60 and 12 × 1 + 7 × 5 USD per million.
    ['openai', '0.000006'],
    ['anthropic', '0.000047'],
  ] as const)(
    'on %s costs exactly what the vendor counted, and reads back the same',
    async (provider, costUsd) => {
      const before = bench.upstream.requests.length;
      const model = MODELS[provider];
      const answer = await bench.run({ provider, model, metadata: { ticket: 7 } }).expect(201);
      const { id, createdAt, startedAt, completedAt } = answer.body;
      const usage = { inputTokens: 12, outputTokens: 7, ...NO_EXTRA_TOKENS, source: 'provider' };
      expect(answer.body).toEqual({
        id: expect.stringMatching(/^[0-9a-f-]{14}7/),
        workspaceId: bench.app.workspaceId,
        mode: 'sync',
        agentId: 'test-agent',
        provider,
        model,
        status: 'completed',
        finishReason: 'stop',
        error: null,
        output: { content: 'Hello from the upstream.', toolCalls: [] },
        unreadable: [],
        usage,
        costUsd,
        apiKeyId: keyIds[provider],
        metadata: { ticket: 7 },
        createdAt,
        startedAt: createdAt,
        completedAt,
        latencyMs: expect.any(Number),
        timeToFirstTokenMs: null,
        attempts: [
          {
            number: 1,
            provider,
            model,
            apiKeyId: keyIds[provider],
            startedAt,
            status: 'succeeded',
            errorCategory: null,
            billed: 'yes',
            latencyMs: expect.any(Number),
            waitMs: null,
            upstreamStatus: null,
            upstreamCode: null,
            providerRequestId: 'req_upstream',
            usage,
            costUsd,
          },
        ],
        receipt: {
          apiKeyId: keyIds[provider],
          model,
          providerRequestId: 'req_upstream',
          costUsd,
          price: expect.objectContaining({ catalogue: expect.stringMatching(/^genai-prices@/) }),
        },
      });
      expect(Date.parse(completedAt as string)).toBeGreaterThanOrEqual(
        Date.parse(createdAt as string),
      );
      expect(answer.headers.location).toBe(bench.app.path(`executions/${id}`));
      expect(await bench.read(id as string)).toEqual(answer.body);
      expect(bench.upstream.requests).toHaveLength(before + 1);
      await bench.keyWithStatus(keyIds[provider], 'active');
    },
  );

  it('prices cached and reasoning tokens as the vendor does', async () => {
    const usage = {
      inputTokens: 1_000,
      outputTokens: 500,
      cacheReadTokens: 400,
      reasoningTokens: 300,
    };
    bench.upstream.script([{ ok: true, usage }]);
    const openai = await bench.run({ provider: 'openai', model: MODELS.openai }).expect(201);
    expect(openai.body.usage).toEqual({ ...usage, cacheWriteTokens: 0, source: 'provider' });
    // 600 × 0.15 + 400 × 0.075 + 500 × 0.60 per million.
    expect(openai.body.costUsd).toBe('0.00042');
    bench.upstream.script([
      {
        ok: true,
        usage: { inputTokens: 100, outputTokens: 50, cacheReadTokens: 40, cacheWriteTokens: 20 },
      },
    ]);
    const anthropic = await bench
      .run({ provider: 'anthropic', model: MODELS.anthropic })
      .expect(201);
    // 40 × 1 + 40 × 0.1 + 20 × 1.25 + 50 × 5 per million.
    expect(anthropic.body.costUsd).toBe('0.000319');
  });

  it('on echo needs no key and no network, and has a price to try things out with', async () => {
    const before = bench.upstream.requests.length;
    const answer = await bench.run({ provider: 'echo', model: 'echo' }).expect(201);
    expect(answer.body).toMatchObject({
      provider: 'echo',
      apiKeyId: null,
      output: { content: 'Hello', toolCalls: [] },
      usage: { inputTokens: 6, outputTokens: 2, ...NO_EXTRA_TOKENS, source: 'provider' },
      costUsd: '0.00001',
      receipt: { apiKeyId: null, costUsd: '0.00001' },
    });
    expect(await bench.read(answer.body.id as string)).toEqual(answer.body);
    expect(bench.upstream.requests).toHaveLength(before);
  });

  it.each(VENDORS)(
    'on %s with a model that nobody has priced costs null, never 0',
    async (provider) => {
      const answer = await bench.run({ provider, model: 'unheard-of-model-1' }).expect(201);
      expect(answer.body).toMatchObject({ costUsd: null, receipt: { costUsd: null, price: null } });
      expect(answer.body.usage.inputTokens).toBe(12);
      expect(await bench.read(answer.body.id as string)).toEqual(answer.body);
    },
  );

  it.each(VENDORS)('on %s whose answer has no usage is estimated and marked', async (provider) => {
    bench.upstream.script([{ ok: true, usage: null }]);
    const answer = await bench.run({ provider, model: MODELS[provider] }).expect(201);
    expect(answer.body.usage).toMatchObject({
      source: 'estimated',
      inputTokens: 6,
      outputTokens: 6,
    });
    expect(await bench.read(answer.body.id as string)).toEqual(answer.body);
  });

  it.each(VENDORS)(
    'on %s carries tools, system and limits out, and tool calls back',
    async (provider) => {
      const toolCalls = [{ id: 'call_1', name: 'search', arguments: '{"q":"x"}' }];
      bench.upstream.script([{ ok: true, toolCalls }]);
      const parameters = {
        type: 'object',
        properties: { constructor: { type: 'string' }, toString: { type: 'number' } },
      };
      const answer = await bench
        .run({
          provider,
          model: MODELS[provider],
          system: 'Be brief.',
          maxTokens: 99,
          temperature: 0.5,
          tools: [{ name: 'search', description: 'Looks things up', parameters }],
          toolChoice: 'required',
        })
        .expect(201);
      expect(answer.body).toMatchObject({
        finishReason: 'tool_calls',
        output: { content: '', toolCalls },
      });
      expect(await bench.read(answer.body.id as string)).toEqual(answer.body);
      const sent = JSON.stringify(bench.upstream.requests.at(-1)!.body);
      expect(sent).toContain('Be brief.');
      expect(sent).toContain('"temperature":0.5');
      expect(sent).toMatch(/"max(_completion)?_tokens":99/);
      // A property of that name is data like any other.
      expect(sent).toContain(JSON.stringify(parameters.properties));
    },
  );

  it.each(['\0', '\ud800', 'a\u2028b', '🥙', ' '])(
    'keeps the answer %j as it came',
    async (content) => {
      const messages = [{ role: 'user', content }];
      const answer = await bench.run({ provider: 'echo', model: 'echo', messages }).expect(201);
      expect(answer.body.output.content).toBe(content);
      expect(await bench.read(answer.body.id as string)).toEqual(answer.body);
    },
  );

  it.each([`model\0-${'x'.repeat(240)}`, 'half \ud800 of a pair', `${'x'.repeat(199)}🥙`])(
    'shows the strange model name %j of a provider the same way at once and later',
    async (model) => {
      bench.upstream.script([{ ok: true, model }]);
      const answer = await bench.run({ provider: 'openai', model: MODELS.openai }).expect(201);
      expect(await bench.read(answer.body.id as string)).toEqual(answer.body);
      expect(answer.body.receipt.model.length).toBeLessThanOrEqual(200);
    },
  );

  it('is paid by the key that it names and by no other', async () => {
    const workspaceId = await bench.createWorkspace();
    const first = await bench.saveKey('openai', { apiKey: 'sk-test-first-0000' }, workspaceId);
    const named = await bench.saveKey(
      'openai',
      { apiKey: 'sk-test-named-0000', priority: 9 },
      workspaceId,
    );
    const run = (fields: object) =>
      bench.run({ provider: 'openai', model: MODELS.openai, ...fields }, workspaceId);
    expect((await run({ apiKeyId: named }).expect(201)).body.apiKeyId).toBe(named);
    expect(bench.upstream.requests.at(-1)!.headers.authorization).toBe('Bearer sk-test-named-0000');
    expect((await run({ apiKeyId: named.toUpperCase() }).expect(201)).body.apiKeyId).toBe(named);
    const before = bench.upstream.requests.length;
    const rows = await rowCounts(bench.app.database.dataSource);
    bench.upstream.script([]);
    await bench.app
      .request('patch', bench.app.path(`api-keys/${named}`, workspaceId))
      .send({ enabled: false })
      .expect(200);
    expectProblem(await run({ apiKeyId: named }), 'provider_key_missing');
    expectProblem(await run({ apiKeyId: keyIds.openai }), 'provider_key_missing');
    expectProblem(await run({ apiKeyId: first, provider: 'anthropic' }), 'provider_key_missing');
    expect(bench.upstream.requests).toHaveLength(before);
    expect(await rowCounts(bench.app.database.dataSource)).toEqual(rows);
  });

  it.each(VENDORS)(
    'without a key for %s is 424: nothing is sent, nothing is written',
    async (provider) => {
      const workspaceId = await bench.createWorkspace();
      const rows = await rowCounts(bench.app.database.dataSource);
      const before = bench.upstream.requests.length;
      const answer = await bench.run({ provider, model: MODELS[provider] }, workspaceId);
      const problem = expectProblem(answer, 'provider_key_missing');
      expect(problem.status).toBe(424);
      expect(problem).not.toHaveProperty('executionId');
      expect(problem.detail).toContain(provider);
      expect(bench.upstream.requests).toHaveLength(before);
      expect(await rowCounts(bench.app.database.dataSource)).toEqual(rows);
    },
  );

  it('costs the sum of its attempts, to the nano-dollar, in every case so far', async () => {
    bench.upstream.script([{ status: 500 }, { ok: true }, { status: 401 }]);
    await bench.run({ provider: 'openai', model: MODELS.openai }).expect(201);
    await bench.run({ provider: 'openai', model: MODELS.openai }).expect(424);
    const rows = await bench.app.database.dataSource.query<
      { executions: number; wrong: number }[]
    >(`
      SELECT count(*)::integer AS executions,
             count(*) FILTER (WHERE execution.cost_nano_usd IS DISTINCT FROM attempts.cost)::integer AS wrong
        FROM agent_executions execution
        JOIN (SELECT execution_id, sum(cost_nano_usd) AS cost FROM attempt_outcomes GROUP BY 1) attempts
          ON attempts.execution_id = execution.id`);
    expect(rows[0]!.executions).toBeGreaterThan(10);
    expect(rows[0]!.wrong).toBe(0);
  });
});

describe('an estimate', () => {
  let bench: TestBench;

  beforeAll(async () => {
    bench = await TestBench.start();
  });

  afterAll(async () => {
    await bench.close();
  });

  const estimate = (body: object) =>
    bench.app
      .request('post', bench.app.path('executions/estimate'))
      .send({ messages: [{ role: 'user', content: 'Hello' }], ...body });

  it.each([
    ['openai', MODELS.openai, 'tokenizer'],
    ['anthropic', MODELS.anthropic, 'heuristic'],
    ['echo', 'echo', 'exact'],
  ])('on %s needs no key, sends nothing and writes nothing', async (provider, model, method) => {
    const rows = await rowCounts(bench.app.database.dataSource);
    const { body } = await estimate({ provider, model, maxTokens: 100 }).expect(200);
    expect(body).toEqual({
      inputTokens: expect.any(Number),
      costUsd: {
        low: expect.stringMatching(/^0\.\d{1,9}$/),
        high: expect.stringMatching(/^0\.\d{1,9}$/),
      },
      method,
    });
    expect(body.inputTokens).toBeGreaterThan(0);
    expect(Number(body.costUsd.high)).toBeGreaterThan(Number(body.costUsd.low));
    expect(bench.upstream.requests).toEqual([]);
    expect(await rowCounts(bench.app.database.dataSource)).toEqual(rows);
  });

  it('brackets what the run then costs', async () => {
    const body = { provider: 'echo', model: 'echo', maxTokens: 100 };
    const { body: range } = await estimate(body).expect(200);
    const { body: run } = await bench.run(body).expect(201);
    expect(Number(run.costUsd)).toBeGreaterThanOrEqual(Number(range.costUsd.low));
    expect(Number(run.costUsd)).toBeLessThanOrEqual(Number(range.costUsd.high));
    expect(range.inputTokens).toBe(run.usage.inputTokens);
  });

  it('of a model that nobody has priced is null', async () => {
    const { body } = await estimate({ provider: 'openai', model: 'unheard-of' }).expect(200);
    expect(body.costUsd).toBeNull();
  });
});
