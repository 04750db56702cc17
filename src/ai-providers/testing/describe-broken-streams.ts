import { once } from 'node:events';
import type { ProviderError } from '../provider-error';
import type {
  AiProviderContract,
  ContractUpstream,
  ContractWire,
  NetworkContract,
} from './ai-provider-contract';
import { failureOf } from './contract-bench';
import { StreamBench, type StreamUnderTest } from './stream-bench';
import { STREAM_ENDINGS } from './stream-endings';
import { sumOf } from './sum-of-deltas';

/** Far above what a busy machine makes of the silence between two pieces. */
const IDLE_MS = 400;
const SAID = 'One two three four five. ';
/** What the upstream reports unless it is told otherwise. */
const INPUT_TOKENS = 12;

/** The streaming part of the contract when something goes wrong: over real HTTP, one upstream per test. */
export function describeBrokenStreams<Upstream extends ContractUpstream>(
  contract: AiProviderContract<Upstream>,
  network: NetworkContract<Upstream>,
): void {
  let bench: StreamBench<Upstream>;
  beforeEach(async () => {
    bench = await StreamBench.open(contract, network, { idleTimeoutMs: IDLE_MS });
  });
  afterEach(() => bench.close());

  /** Whatever broke it: the pieces, the usage and the price of what was said. */
  const expectPartial = (error: ProviderError, { deltas }: StreamUnderTest) => {
    expect(sumOf(deltas)).toEqual(error.output);
    expect(error.output).toEqual({ content: SAID, toolCalls: [] });
    expect(error.model).toBe(contract.model);
    expect(error.cost?.nanoUsd).toBeGreaterThan(0n);
    expect(error.usage).toMatchObject({ outputTokens: 7, source: 'estimated' });
    if (network.inputTokensOfBrokenAnswer === 'exact')
      expect(error.usage?.inputTokens).toBe(INPUT_TOKENS);
    else expect(error.usage?.inputTokens).toBeGreaterThan(0);
  };
  const begin = async (wire: ContractWire) => {
    await wire.start();
    for (const word of SAID.match(/\S+ /g) ?? []) await wire.text(word);
  };

  it.each(STREAM_ENDINGS)('fails when the stream %s', async (_how, ending, fields) => {
    let closed: Promise<void> | undefined;
    const stream = bench.play(async (wire) => {
      await begin(wire);
      await stream.untilText(SAID);
      closed = wire.untilClosed();
      await ending(wire);
    });
    const error = await failureOf(stream.result);
    expect(error).toMatchObject(fields);
    expectPartial(error, stream);
    expect(bench.upstream.requests).toHaveLength(1);
    await closed;
  });

  it('ends a stream that is only kept alive at the limit of the call', async () => {
    const stream = bench.play(
      async (wire) => {
        await begin(wire);
        const pings = setInterval(() => void wire.keepAlive(), IDLE_MS / 20);
        await wire.untilClosed();
        clearInterval(pings);
      },
      { timeoutMs: 2 * IDLE_MS },
    );
    const error = await failureOf(stream.result);
    expect(error).toMatchObject({
      category: 'deadline_exceeded',
      retry: 'never',
      billed: 'partial',
    });
    expectPartial(error, stream);
  });

  it('stops at once when it is cancelled, and reports nothing more', async () => {
    const controller = new AbortController();
    let closed: Promise<void> | undefined;
    const stream = bench.play(
      async (wire) => {
        await begin(wire);
        await stream.untilText(SAID);
        closed = wire.untilClosed();
        controller.abort();
        await wire.text('Too late.');
      },
      { signal: controller.signal },
    );
    const aborted = once(controller.signal, 'abort');
    const error = await failureOf(stream.result);
    await aborted;
    expect(error).toMatchObject({ category: 'cancelled', retry: 'never', billed: 'partial' });
    expectPartial(error, stream);
    await closed;
    expectPartial(error, stream);
  });

  it('reports no piece that arrived together with the one that cancelled', async () => {
    const controller = new AbortController();
    const onDelta = () => {
      controller.abort();
    };
    const stream = bench.play(
      async (wire) => {
        wire.cutInto(1_000_000);
        await begin(wire);
        await wire.finish();
        wire.end();
      },
      { signal: controller.signal, onDelta },
    );
    const error = await failureOf(stream.result);
    expect(error.category).toBe('cancelled');
    const reported = sumOf(stream.deltas);
    expect(error.output).toEqual(reported);
    await new Promise((resolve) => setImmediate(resolve));
    expect(sumOf(stream.deltas)).toEqual(reported);
  });

  it('classifies an error event after the answer began, by its type', async () => {
    const stream = bench.play(async (wire) => {
      await begin(wire);
      await wire.error({ type: network.overloadedType });
      wire.end();
    });
    const error = await failureOf(stream.result);
    expect(error).toMatchObject({ category: 'overloaded', retry: 'ambiguous', billed: 'partial' });
    expectPartial(error, stream);
  });

  it('classifies an error event before the answer began like a refusal', async () => {
    const stream = bench.play(async (wire) => {
      await wire.keepAlive();
      await wire.error({ type: network.overloadedType });
      wire.end();
    });
    const error = await failureOf(stream.result);
    expect(error).toMatchObject({ category: 'overloaded', retry: 'throttled', billed: 'no' });
    expect([error.usage, error.output]).toEqual([undefined, undefined]);
  });

  it('takes an empty stream for a truncated one', async () => {
    const stream = bench.play(async (wire) => {
      await wire.keepAlive();
      wire.end();
    });
    expect(await failureOf(stream.result)).toMatchObject({
      category: 'response_truncated',
      retry: 'ambiguous',
      billed: 'unknown',
    });
  });

  it.each([
    ['a word', 'true\n'],
    ['an HTML page', '<!doctype html><html><body>Sign in</body></html>\n\n'],
    ['the JSON of an error', '{"error":{"message":"no"}}\n\n'],
  ])('takes %s with the type of a stream for no answer', async (_what, body) => {
    const stream = bench.play(async (wire) => {
      await wire.raw(body);
      wire.end();
    });
    const error = await failureOf(stream.result);
    expect(error).toMatchObject({ retry: 'ambiguous', billed: 'unknown' });
    expect(stream.deltas).toEqual([]);
  });

  it('carries a piece of a megabyte', async () => {
    const long = 'ü'.repeat(512 * 1024);
    const stream = bench.play(async (wire) => {
      await wire.start();
      await wire.text(long);
      await wire.finish();
      wire.end();
    });
    const { output } = await stream.result;
    expect(output.content === long).toBe(true);
  });

  it('reads other line ends and comments', async () => {
    const stream = bench.play(async (wire) => {
      wire.rewrite((text) => `: comment\r\n${text.replaceAll('\n', '\r\n')}`);
      await wire.start();
      await wire.text('One ');
      await wire.text('two.');
      await wire.finish();
      wire.end();
    });
    expect((await stream.result).output.content).toBe('One two.');
  });
}
