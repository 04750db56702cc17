import { inspect } from 'node:util';
import type { ExecutionDelta } from '../ai-provider.interface';
import type { AiProviderContract, ContractUpstream } from './ai-provider-contract';
import { ContractBench, CONTRACT_KEY, failureOf, paramsFor, within } from './contract-bench';
import { describeBrokenStreams } from './describe-broken-streams';
import { describeNetworkProvider } from './describe-network-provider';
import { describeStreaming } from './describe-streaming';
import { sumOf } from './sum-of-deltas';

/**
 * The contract of a provider in executable form; every provider's spec calls it, those of outside
 * authors too. What a provider does beyond the contract belongs in its own spec.
 */
export function describeAiProvider<Upstream extends ContractUpstream>(
  contract: AiProviderContract<Upstream>,
): void {
  describe(`${contract.provider.description.id} keeps the contract of AIProvider`, () => {
    describeEveryProvider(contract);
    const { network } = contract;
    if (network === null) return;
    describeNetworkProvider(contract, network);
    describe('when it streams', () => {
      describeStreaming(contract, network);
      describeBrokenStreams(contract, network);
    });
  });
}

function describeEveryProvider<Upstream extends ContractUpstream>(
  contract: AiProviderContract<Upstream>,
): void {
  const { provider, model, network } = contract;
  const { description } = provider;
  let bench: ContractBench;
  let upstream: Upstream | undefined;
  const create = () =>
    bench.create(upstream === undefined || network === null ? null : network.baseUrlOf(upstream));

  beforeAll(async () => {
    upstream = await network?.startUpstream();
    bench = new ContractBench(provider, upstream === undefined ? [] : [upstream.host]);
  });
  afterAll(async () => {
    await bench.close();
    await upstream?.close();
  });

  it('describes itself in plain JSON', () => {
    expect(JSON.parse(JSON.stringify(description))).toEqual(description);
    expect(description.id).toMatch(/^[a-z0-9-]+$/);
    expect(description.models).toContain(model);
    expect(description.defaultBaseUrl === null).toBe(network === null);
    expect(description.credentialFields.some((field) => field.secret)).toBe(
      description.requiresKey,
    );
    expect(create().type).toBe(description.id);
  });

  it('answers with a complete, metered and priced result', async () => {
    const result = await create().execute(paramsFor(model), within(5000));
    expect(result.output.content).not.toBe('');
    expect(result.finishReason).toBe('stop');
    expect(result.model).toBe(model);
    const { inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens } = result.usage;
    for (const count of [inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens]) {
      expect(Number.isInteger(count) && count >= 0).toBe(true);
    }
    expect(inputTokens).toBeGreaterThan(0);
    expect(cacheReadTokens + cacheWriteTokens).toBeLessThanOrEqual(inputTokens);
    expect(result.cost?.nanoUsd).toBeGreaterThan(0n);
    expect(result.cost?.price.inputNanoUsdPerMillion).toMatch(/^\d+$/);
  });

  it('reports the same answer in pieces', async () => {
    const deltas: ExecutionDelta[] = [];
    const onDelta = (delta: ExecutionDelta) => deltas.push(delta);
    const result = await create().execute(paramsFor(model), { ...within(5000), onDelta });
    expect(result).toEqual(await create().execute(paramsFor(model), within(5000)));
    expect(sumOf(deltas)).toEqual(result.output);
    expect(deltas.length).toBeGreaterThan(1);
  });

  it('estimates without sending anything', async () => {
    const before = upstream?.requests.length;
    const estimate = await create().estimateCost({ ...paramsFor(model), maxTokens: 100 });
    expect(estimate.inputTokens).toBeGreaterThan(0);
    expect(estimate.nanoUsd?.low).toBeGreaterThan(0n);
    expect(estimate.nanoUsd?.high).toBeGreaterThan(estimate.nanoUsd?.low ?? 0n);
    expect(upstream?.requests.length).toBe(before);
  });

  it('tests a credential', async () => {
    const tested = await create().testCredential(within(5000));
    expect(tested.modelCount).toBeGreaterThan(0);
    expect(tested.model).not.toBe('');
  });

  it('does nothing when it is cancelled before it starts', async () => {
    const before = upstream?.requests.length;
    const call = create().execute(paramsFor(model), within(5000, AbortSignal.abort()));
    const error = await failureOf(call);
    expect(error).toMatchObject({ category: 'cancelled', retry: 'never', billed: 'no' });
    expect(upstream?.requests.length).toBe(before);
  });

  it('sends and reports nothing before it may, and then the whole answer', async () => {
    const before = upstream?.requests.length ?? 0;
    const deltas: ExecutionDelta[] = [];
    let written: () => void = () => undefined;
    const sendAfter = new Promise<void>((resolve) => (written = resolve));
    const onDelta = (delta: ExecutionDelta) => deltas.push(delta);
    const waiting = create().execute(paramsFor(model), { ...within(5000), onDelta, sendAfter });
    // Whatever it would do in that time is done.
    const other = await create().execute(paramsFor(model), within(5000));
    expect([deltas.length, (upstream?.requests.length ?? 1) - before]).toEqual([0, 1]);
    written();
    expect(await waiting).toEqual(other);
    expect(sumOf(deltas)).toEqual(other.output);
  });

  it('sends nothing when it may not', async () => {
    const before = upstream?.requests.length;
    const deltas: ExecutionDelta[] = [];
    const onDelta = (delta: ExecutionDelta) => deltas.push(delta);
    const sendAfter = Promise.reject(new Error('not written'));
    const options = { ...within(5000), onDelta, sendAfter };
    await expect(create().execute(paramsFor(model), options)).rejects.toThrow();
    expect([deltas.length, upstream?.requests.length]).toEqual([0, before]);
  });

  it('does not print its key', () => {
    const printed = inspect(create(), { depth: 20, showHidden: true });
    expect(printed).not.toContain(CONTRACT_KEY);
    expect(JSON.stringify(create())).not.toContain(CONTRACT_KEY);
  });
}
