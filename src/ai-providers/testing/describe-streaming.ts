import * as fc from 'fast-check';
import type { ExecutionOutput } from '../ai-provider.interface';
import type {
  AiProviderContract,
  ContractUpstream,
  ContractWire,
  NetworkContract,
} from './ai-provider-contract';
import { CONTRACT_KEY, failureOf } from './contract-bench';
import { CONTRACT_FAILURES } from './contract-failures';
import { StreamBench } from './stream-bench';
import { sumOf } from './sum-of-deltas';

const CALLS = [
  { id: 'call_1', name: 'weather', arguments: '{"city":"Köln"}' },
  { id: 'call_2', name: 'weather', arguments: '{}' },
];

/** The streaming part of the contract when nothing goes wrong: over real HTTP, one upstream per test. */
export function describeStreaming<Upstream extends ContractUpstream>(
  contract: AiProviderContract<Upstream>,
  network: NetworkContract<Upstream>,
): void {
  let bench: StreamBench<Upstream>;
  beforeEach(async () => {
    bench = await StreamBench.open(contract, network);
  });
  afterEach(() => bench.close());

  it('asks for a stream and for nothing else', async () => {
    const { params, body } = network.translation;
    await bench.answer({ ok: true }, {}, params).result;
    expect(bench.upstream.requests[0]?.body).toEqual({ ...body, ...network.streamingBody });
  });

  it('resolves with what it would have resolved with in one piece', async () => {
    const usage = { inputTokens: 100, outputTokens: 20, cacheReadTokens: 40 };
    for (const said of [
      { content: 'Grüß dich, 世界! 👋🏽' },
      { content: '' },
      { toolCalls: CALLS },
    ]) {
      const stream = bench.answer({ ok: true, usage, ...said });
      const result = await stream.result;
      expect(result).toEqual(await bench.whole({ ok: true, usage, ...said }));
      expect(sumOf(stream.deltas)).toEqual(result.output);
    }
  });

  it('reports each piece while the rest is still to come', async () => {
    let next: () => void = () => undefined;
    const stream = bench.play(async (wire) => {
      await wire.start();
      for (const piece of ['One ', 'two ', 'three.']) {
        await wire.text(piece);
        await wire.keepAlive();
        await new Promise<void>((resolve) => (next = resolve));
      }
      await wire.finish();
      wire.end();
    });
    for (const text of ['One ', 'One two ', 'One two three.']) {
      await stream.untilText(text);
      next();
    }
    expect((await stream.result).output.content).toBe('One two three.');
    expect(stream.deltas).toHaveLength(3);
  });

  it('reports both texts and tool calls of one answer', async () => {
    const stream = bench.play(async (wire) => {
      await wire.start();
      await wire.text('Let me ');
      await wire.text('');
      await wire.text('look.');
      await playCalls(wire);
      await wire.finish();
      wire.end();
    });
    const { output, finishReason } = await stream.result;
    expect(output).toEqual({ content: 'Let me look.', toolCalls: CALLS });
    expect(finishReason).toBe('tool_calls');
    expect(sumOf(stream.deltas)).toEqual(output);
  });

  it('adds up, whatever the pieces and however the bytes are cut', async () => {
    const piece = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constant(CONTRACT_KEY.slice(0, 9)));
    const texts = fc.array(piece, { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(texts, texts, fc.nat(40), async (pieces, parts, cut) => {
        const stream = bench.play((wire) => playCut(wire, pieces, parts, cut + 1));
        const { output } = await stream.result;
        const toolCalls = [{ id: 'call_1', name: 'weather', arguments: parts.join('') || '{}' }];
        const expected: ExecutionOutput = { content: pieces.join(''), toolCalls };
        expect(withDefault(output)).toEqual(expected);
        expect(sumOf(stream.deltas)).toEqual(output);
      }),
      { numRuns: 60 },
    );
  });

  it('keeps a usage of zero, and estimates one that is missing', async () => {
    const zero = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0 };
    const free = await bench.answer({ ok: true, usage: zero }).result;
    expect(free).toMatchObject({ usage: { ...zero, source: 'provider' }, cost: { nanoUsd: 0n } });
    const { usage } = await bench.answer({ ok: true, usage: null }).result;
    expect(usage.source).toBe('estimated');
    expect(usage.inputTokens).toBeGreaterThan(0);
    expect(usage.outputTokens).toBeGreaterThan(0);
  });

  it('maps every finish reason, and one it never heard of', async () => {
    const words = { ...network.finishReasons, never_heard_of: 'other', constructor: 'other' };
    for (const [finishReason, expected] of Object.entries(words)) {
      const stream = bench.answer({ ok: true, finishReason });
      expect((await stream.result).finishReason).toBe(expected);
    }
  });

  it('does not need the end of the connection when the answer is complete', async () => {
    let closed: Promise<void> | undefined;
    const stream = bench.play(async (wire) => {
      await wire.start();
      await wire.text('All of it.');
      await wire.finish();
      closed = wire.untilClosed();
    });
    expect((await stream.result).output.content).toBe('All of it.');
    await closed;
  });

  it('takes a whole answer in place of a stream', async () => {
    for (const said of [{ content: 'All at once.' }, { toolCalls: CALLS }]) {
      const whole = await bench.whole({ ok: true, ...said });
      const stream = bench.answer({ ok: true, whole: true, ...said });
      expect(await stream.result).toEqual(whole);
      expect(sumOf(stream.deltas)).toEqual(whole.output);
    }
  });

  it('never shows the key, in whatever pieces it comes back', async () => {
    for (const size of [1, 2, 7, CONTRACT_KEY.length]) {
      const pieces = CONTRACT_KEY.match(new RegExp(`.{1,${size}}`, 'g')) ?? [];
      const stream = bench.play((wire) => playCut(wire, pieces, pieces, 1000));
      const { output } = await stream.result;
      expect(output.content).toBe('[redacted]');
      expect(sumOf(stream.deltas)).toEqual(output);
      expect(JSON.stringify([output, sumOf(stream.deltas)])).not.toContain(CONTRACT_KEY);
    }
  });

  it('goes on when the listener breaks, so that the call is accounted for', async () => {
    const onDelta = () => {
      throw new Error('the listener broke');
    };
    const stream = bench.answer({ ok: true, content: 'One two three four.' }, { onDelta });
    const result = await stream.result;
    expect(result.output.content).toBe('One two three four.');
    expect(result.usage.source).toBe('provider');
    expect(stream.deltas).toHaveLength(1);
  });

  it.each(CONTRACT_FAILURES)(
    'classifies %s as without a stream',
    async (_name, behaviour, fields) => {
      const stream = bench.answer(behaviour);
      const error = await failureOf(stream.result);
      expect(error).toMatchObject(fields);
      expect([error.usage, error.output, error.cost]).toEqual([undefined, undefined, undefined]);
      expect(stream.deltas).toEqual([]);
      expect(bench.upstream.requests).toHaveLength(1);
    },
  );
}

async function playCalls(wire: ContractWire): Promise<void> {
  for (const [index, { id, name, arguments: text }] of CALLS.entries()) {
    await wire.toolCall(index, { id, name });
    for (const letter of text) await wire.toolCall(index, { arguments: letter });
  }
}

/** An answer whose bytes are written in pieces of `cut`, which cuts events, lines and characters. */
async function playCut(
  wire: ContractWire,
  texts: readonly string[],
  parts: readonly string[],
  cut: number,
): Promise<void> {
  wire.cutInto(cut);
  await wire.start();
  for (const text of texts) await wire.text(text);
  await wire.toolCall(0, { id: 'call_1', name: 'weather' });
  for (const part of parts) await wire.toolCall(0, { arguments: part });
  await wire.finish();
  wire.end();
}

/** A call without arguments may be told as an empty text. */
function withDefault(output: ExecutionOutput): ExecutionOutput {
  const toolCalls = output.toolCalls.map((call) => ({
    ...call,
    arguments: call.arguments || '{}',
  }));
  return { ...output, toolCalls };
}
