import { FaultyUpstream } from '../../../test/support/faulty-upstream';
import type { AttemptReference } from '../ai-provider.interface';
import { ContractBench, failureOf, paramsFor, within } from '../testing/contract-bench';
import { OpenAIProvider } from './openai.provider';

const FIRST = { executionId: '0199c2f0-0000-7000-8000-000000000001', attemptNumber: 1 };

describe('OpenAIProvider that looks up an answer which did not reach us', () => {
  let upstream: FaultyUpstream;
  let bench: ContractBench;
  const create = () => bench.create(upstream.openAiBaseUrl) as OpenAIProvider;
  const execute = (storeAs: AttemptReference, streamed = false) =>
    create().execute(
      { ...paramsFor('gpt-5-mini'), storeAs },
      { ...within(5000), ...(streamed && { onDelta: () => undefined }) },
    );
  const find = (reference: AttemptReference) => create().findStored(reference, within(5000));
  const completion = (rest: Record<string, unknown> = {}) => ({
    model: 'gpt-5-mini',
    choices: [{ message: { content: 'Hi.' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 10, completion_tokens: 5 },
    metadata: { keyrun_execution_id: FIRST.executionId, keyrun_attempt: '1' },
    ...rest,
  });

  beforeEach(async () => {
    upstream = await FaultyUpstream.start();
    bench = new ContractBench(OpenAIProvider, [upstream.host]);
  });
  afterEach(async () => {
    await bench.close();
    await upstream.close();
  });

  it.each([false, true])('names the attempt in the request (streamed: %p)', async (streamed) => {
    await execute(FIRST, streamed);
    expect(upstream.requests[0]?.body).toMatchObject({
      store: true,
      metadata: { keyrun_execution_id: FIRST.executionId, keyrun_attempt: '1' },
    });
    await create().execute(paramsFor('gpt-5-mini'), within(5000));
    expect(upstream.requests[1]?.body).not.toHaveProperty('store');
    expect(upstream.requests[1]?.body).not.toHaveProperty('metadata');
  });

  it('finds the answer whose connection broke, at no cost', async () => {
    const calls = [{ id: 'call_1', name: 'weather', arguments: '{"city":"Rome"}' }];
    const usage = { inputTokens: 100, outputTokens: 20, cacheReadTokens: 40 };
    upstream.script([{ fault: 'half-json-close' }]);
    await failureOf(execute(FIRST));
    upstream.script([{ ok: true, toolCalls: calls, usage }]);
    const whole = await execute({ ...FIRST, attemptNumber: 2 });

    const first = await find(FIRST);
    expect(first).toMatchObject({
      output: { content: 'Hello from the upstream.', toolCalls: [] },
      finishReason: 'stop',
      usage: { inputTokens: 12, outputTokens: 7, source: 'provider' },
      model: 'gpt-5-mini',
      providerRequestId: 'req_stored',
    });
    expect(first?.cost?.nanoUsd).toBeGreaterThan(0n);
    expect(await find({ ...FIRST, attemptNumber: 2 })).toEqual({
      ...whole,
      providerRequestId: 'req_stored',
    });
    expect(upstream.paidCalls).toHaveLength(2);
    expect(upstream.requests.at(-1)).toMatchObject({ method: 'GET', body: undefined });
  });

  it('finds nothing for an attempt that never arrived', async () => {
    await execute(FIRST);
    expect(await find({ ...FIRST, attemptNumber: 2 })).toBeNull();
    expect(await find({ ...FIRST, executionId: 'another' })).toBeNull();
  });

  it('does not take the answer of another attempt from an endpoint without the filter', async () => {
    const others = [
      completion({ metadata: { keyrun_execution_id: FIRST.executionId, keyrun_attempt: '2' } }),
      completion({ metadata: null }),
      completion({ metadata: { keyrun_attempt: '1' } }),
    ];
    upstream.script([{ ok: true, body: { data: others } }]);
    expect(await find(FIRST)).toBeNull();
  });

  it.each([{ usage: null }, { model: null }])(
    'finds nothing that cannot be metered (%j)',
    async (rest) => {
      upstream.script([{ ok: true, body: { data: [completion(rest)] } }]);
      expect(await find(FIRST)).toBeNull();
    },
  );

  it.each<[string, object]>([
    ['is no list', { data: {} }],
    ['is an incomplete answer', { data: [completion({ choices: [{ message: {} }] })] }],
    ['has a list of texts', { data: ['text'] }],
  ])('fails when what comes back %s', async (_what, body) => {
    upstream.script([{ ok: true, body }]);
    await expect(find(FIRST)).rejects.toMatchObject({ category: 'invalid_response' });
  });

  it('says when the vendor cannot be asked, or the call is cancelled', async () => {
    upstream.script([{ status: 401 }, { fault: 'html' }]);
    await expect(find(FIRST)).rejects.toMatchObject({ category: 'credential_invalid' });
    await expect(find(FIRST)).rejects.toMatchObject({ category: 'invalid_response' });
    const cancelled = create().findStored(FIRST, within(5000, AbortSignal.abort()));
    await expect(cancelled).rejects.toMatchObject({ category: 'cancelled' });
  });
});
