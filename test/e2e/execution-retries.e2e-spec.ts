import { expectProblem } from '../support/problem-of';
import { MODELS, TestBench, type VendorId } from '../support/test-bench';

const VENDORS = Object.keys(MODELS) as VendorId[];

describe('the retries of an execution', () => {
  let bench: TestBench;

  beforeAll(async () => {
    bench = await TestBench.start();
    await bench.saveKey('openai');
    await bench.saveKey('anthropic');
  });

  afterAll(async () => {
    await bench.close();
  });

  /** The moments, in milliseconds, at which the requests since `count` arrived. */
  const arrivalsSince = (count: number) => bench.upstream.requests.slice(count).map(({ at }) => at);

  it.each(VENDORS)('turn 500, 500, 200 of %s into one completed execution', async (provider) => {
    const before = bench.upstream.requests.length;
    const paidBefore = bench.upstream.paidCalls.length;
    bench.upstream.script([{ status: 500 }, { status: 500 }, { ok: true }]);
    const answer = await bench.run({ provider, model: MODELS[provider] }).expect(201);
    expect(answer.body).toMatchObject({
      status: 'completed',
      error: null,
      attempts: [
        {
          number: 1,
          status: 'failed',
          errorCategory: 'server_error',
          upstreamStatus: 500,
          billed: 'no',
        },
        {
          number: 2,
          status: 'failed',
          errorCategory: 'server_error',
          upstreamStatus: 500,
          billed: 'no',
        },
        {
          number: 3,
          status: 'succeeded',
          errorCategory: null,
          upstreamStatus: null,
          billed: 'yes',
        },
      ],
    });
    expect(answer.body.attempts[2].costUsd).toBe(answer.body.costUsd);
    expect(await bench.read(answer.body.id as string)).toEqual(answer.body);
    expect(bench.upstream.requests).toHaveLength(before + 3);
    expect(bench.upstream.paidCalls).toHaveLength(paidBefore + 1);
    const { data } = (
      await bench.app.request('get', bench.app.path(`executions?provider=${provider}`)).expect(200)
    ).body;
    expect(data).toHaveLength(1);
  });

  it('send the same request each time', async () => {
    const before = bench.upstream.requests.length;
    bench.upstream.script([{ status: 500 }, { ok: true }]);
    await bench.run({ provider: 'openai', model: MODELS.openai, system: 'Same' }).expect(201);
    const [first, second] = bench.upstream.requests.slice(before);
    expect(second!.body).toEqual(first!.body);
    expect(second!.headers.authorization).toBe(first!.headers.authorization);
    for (const { headers } of [first!, second!]) {
      expect(headers).not.toHaveProperty('x-stainless-retry-count');
    }
  });

  it('end after three attempts, whatever comes next', async () => {
    const before = bench.upstream.requests.length;
    bench.upstream.script([{ status: 500 }, { status: 500 }, { status: 500 }]);
    const answer = await bench.run({ provider: 'openai', model: MODELS.openai });
    expect(expectProblem(answer, 'server_error').attempts).toBe(3);
    expect(bench.upstream.requests).toHaveLength(before + 3);
    // The fourth behaviour, had there been one, would still be there for this run.
    await bench.run({ provider: 'openai', model: MODELS.openai }).expect(201);
    expect(bench.upstream.requests).toHaveLength(before + 4);
  });

  it('repeat what may have been billed only once', async () => {
    const before = bench.upstream.requests.length;
    bench.upstream.script([{ fault: 'reset-in-body' }, { ok: true }]);
    const answer = await bench.run({ provider: 'openai', model: MODELS.openai }).expect(201);
    expect(answer.body.attempts).toMatchObject([
      { status: 'failed', errorCategory: 'response_truncated', billed: 'yes', costUsd: null },
      { status: 'succeeded', billed: 'yes' },
    ]);
    expect(bench.upstream.requests).toHaveLength(before + 2);
  });

  it.each(VENDORS)('of %s wait as long as Retry-After says', async (provider) => {
    const before = bench.upstream.requests.length;
    bench.upstream.script([{ status: 429, headers: { 'retry-after': '1' } }, { ok: true }]);
    const answer = await bench.run({ provider, model: MODELS[provider] }).expect(201);
    const [first, second] = arrivalsSince(before);
    expect(second! - first!).toBeGreaterThanOrEqual(1_000);
    expect(second! - first!).toBeLessThan(10_000);
    expect(answer.body.attempts).toMatchObject([
      { status: 'failed', errorCategory: 'rate_limited', upstreamStatus: 429 },
      { status: 'succeeded' },
    ]);
    expect(answer.body.attempts[0].waitMs).toBeGreaterThanOrEqual(1_000);
    expect(answer.body.latencyMs).toBeGreaterThanOrEqual(1_000);
  });

  it.each(VENDORS)(
    'of %s hand a Retry-After that is too long to the client at once',
    async (provider) => {
      const before = bench.upstream.requests.length;
      bench.upstream.script([{ status: 429, headers: { 'retry-after': '3600' } }]);
      const startedAt = performance.now();
      const answer = await bench.run({ provider, model: MODELS[provider], timeoutMs: 60_000 });
      expect(performance.now() - startedAt).toBeLessThan(30_000);
      expect(expectProblem(answer, 'rate_limited')).toMatchObject({
        retryable: true,
        billed: 'no',
        attempts: 1,
      });
      expect(answer.headers['retry-after']).toBe('3600');
      expect(bench.upstream.requests).toHaveLength(before + 1);
      const record = await bench.read(answer.body.executionId as string);
      expect(record).toMatchObject({ status: 'failed', error: { category: 'rate_limited' } });
      expect(record.attempts).toMatchObject([{ upstreamStatus: 429, waitMs: null }]);
    },
  );

  it('keep the deadline over all attempts and waits', async () => {
    bench.upstream.script([{ status: 500 }, { fault: 'never-answer' }]);
    const startedAt = performance.now();
    const answer = await bench.run({
      provider: 'openai',
      model: MODELS.openai,
      timeoutMs: 1_200,
    });
    const elapsedMs = performance.now() - startedAt;
    expectProblem(answer, 'timeout_no_response');
    expect(elapsedMs).toBeGreaterThanOrEqual(1_150);
    expect(elapsedMs).toBeLessThan(10_000);
    expect(answer.body.attempts).toBe(2);
  });

  it('obey a provider that says not to repeat', async () => {
    const before = bench.upstream.requests.length;
    bench.upstream.script([{ status: 500, headers: { 'x-should-retry': 'false' } }]);
    const answer = await bench.run({ provider: 'openai', model: MODELS.openai });
    expect(expectProblem(answer, 'server_error')).toMatchObject({ retryable: false, attempts: 1 });
    expect(bench.upstream.requests).toHaveLength(before + 1);
  });

  it('of many executions at once stay apart', async () => {
    const before = bench.upstream.requests.length;
    bench.upstream.script([
      { status: 500 },
      { ok: true },
      { status: 500 },
      { ok: true },
      { status: 500 },
    ]);
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        bench.run({ provider: 'openai', model: MODELS.openai, agentId: `parallel-${index}` }),
      ),
    );
    expect(answers.map((answer) => answer.status)).toEqual(Array(8).fill(201));
    const attempts = answers.map((answer) => answer.body.attempts.length as number);
    expect(attempts.reduce((sum, count) => sum + count, 0)).toBe(11);
    expect(bench.upstream.requests).toHaveLength(before + 11);
    expect(new Set(answers.map((answer) => answer.body.id as string)).size).toBe(8);
  });
});
