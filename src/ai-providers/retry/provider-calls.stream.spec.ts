import { Logger, Module } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import type {
  AIProvider,
  CallOptions,
  ExecuteParams,
  ExecuteResult,
  ExecutionDelta,
} from '../ai-provider.interface';
import { ProviderError } from '../provider-error';
import { type ProviderCall, ProviderCalls, RETRY_DEPENDENCIES } from '.';
import type { RetryDependencies } from './retry-with-backoff';

const TOOL_CALL = { id: 'call_1', name: 'locate', arguments: '{}' };
const RESULT = {
  output: { content: 'whole', toolCalls: [TOOL_CALL] },
} as unknown as ExecuteResult;
const USAGE = { inputTokens: 3, outputTokens: 2 } as ExecuteResult['usage'];

type Report = (text: string) => void;
type Attempt = (report: Report) => Promise<ExecuteResult>;

/** Does in each attempt what the script says. */
class ScriptedProvider implements AIProvider {
  readonly type = 'scripted';
  attempts = 0;

  constructor(private readonly script: readonly Attempt[]) {}

  execute(_params: ExecuteParams, options: CallOptions): Promise<ExecuteResult> {
    const attempt = this.script[this.attempts];
    this.attempts += 1;
    if (attempt === undefined) throw new Error('one attempt too many');
    return attempt((text) => options.onDelta?.({ type: 'text', text }));
  }

  estimateCost(): Promise<never> {
    return Promise.reject(new Error('not in this test'));
  }

  testCredential(): Promise<never> {
    return Promise.reject(new Error('not in this test'));
  }
}

describe('ProviderCalls of a streamed answer', () => {
  let module: TestingModule;
  let calls: ProviderCalls;
  let deltas: ExecutionDelta[];

  beforeEach(async () => {
    deltas = [];
    const dependencies: RetryDependencies = {
      now: () => 0,
      random: () => 0,
      sleep: () => Promise.resolve(),
    };
    @Module({ providers: [ProviderCalls, { provide: RETRY_DEPENDENCIES, useValue: dependencies }] })
    class ProvidersModule {}
    module = await Test.createTestingModule({ imports: [ProvidersModule] }).compile();
    calls = module.get(ProviderCalls, { strict: false });
  });

  afterEach(() => module.close());

  const run = (provider: AIProvider, more: Partial<ProviderCall> = {}) =>
    calls.run({
      provider,
      params: { model: 'm', messages: [] },
      retry: { deadlineAt: 60_000 },
      onDelta: (delta) => deltas.push(delta),
      ...more,
    });
  const broken = (retry: 'transient' | 'ambiguous') =>
    new ProviderError({
      category: 'response_truncated',
      retry,
      billed: 'partial',
      usage: USAGE,
      cost: null,
      model: 'm-1',
      output: { content: 'a', toolCalls: [] },
      upstreamStatus: 200,
      upstreamCode: 'code',
      providerRequestId: 'req_1',
      retryAfterMs: 1,
    });
  const texts = () => deltas.map((delta) => (delta.type === 'text' ? delta.text : 'call'));

  it.each(['transient', 'ambiguous'] as const)(
    'repeats nothing once a piece was handed on (%s)',
    async (retry) => {
      const provider = new ScriptedProvider([
        (report) => {
          report('a');
          return Promise.reject(broken(retry));
        },
      ]);
      const waits: (number | null)[] = [];
      const onAttemptFailed = ({ waitMs }: { waitMs: number | null }) => {
        waits.push(waitMs);
        return Promise.resolve();
      };
      const failed = run(provider, { retry: { deadlineAt: 60_000, onAttemptFailed } });
      await expect(failed).rejects.toMatchObject({
        category: 'response_truncated',
        retry: 'never',
        billed: 'partial',
        usage: USAGE,
        cost: null,
        model: 'm-1',
        output: { content: 'a', toolCalls: [] },
        upstreamStatus: 200,
        upstreamCode: 'code',
        providerRequestId: 'req_1',
        retryAfterMs: 1,
      });
      expect([provider.attempts, waits, texts()]).toEqual([1, [null], ['a']]);
    },
  );

  it('repeats unseen what failed before its first piece', async () => {
    const provider = new ScriptedProvider([
      () => Promise.reject(broken('transient')),
      (report) => {
        report('b');
        report('c');
        return Promise.resolve(RESULT);
      },
    ]);
    await expect(run(provider)).resolves.toBe(RESULT);
    expect([provider.attempts, texts()]).toEqual([2, ['b', 'c']]);
  });

  it('does not hear a failed attempt that goes on', async () => {
    let late: Report = () => undefined;
    const provider = new ScriptedProvider([
      (report) => {
        late = report;
        return Promise.reject(broken('transient'));
      },
      (report) => {
        late('late');
        report('b');
        return Promise.resolve(RESULT);
      },
    ]);
    await run(provider);
    late('even later');
    expect(texts()).toEqual(['b']);
  });

  it('hands on whole what a provider did not report in pieces', async () => {
    await run(new ScriptedProvider([() => Promise.resolve(RESULT)]));
    expect(deltas).toEqual([
      { type: 'text', text: 'whole' },
      { type: 'tool_call', index: 0, ...TOOL_CALL },
    ]);
  });

  it('does not ask for pieces that nobody wants', async () => {
    const execute = jest.fn(() => Promise.resolve(RESULT));
    const provider = Object.assign(new ScriptedProvider([]), { execute });
    await run(provider, { onDelta: undefined });
    expect(execute.mock.calls[0]).not.toHaveProperty([1, 'onDelta']);
    expect(deltas).toEqual([]);
  });

  it('completes the call whose listener breaks, without a repetition, and says so in the log', async () => {
    const logged = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const provider = new ScriptedProvider([
      (report) => {
        report('a');
        report('b');
        return Promise.resolve(RESULT);
      },
    ]);
    const onDelta = jest.fn(() => {
      throw new TypeError('secret text');
    });
    await expect(run(provider, { onDelta })).resolves.toBe(RESULT);
    expect(onDelta).toHaveBeenCalledTimes(1);
    expect(logged.mock.calls).toEqual([
      [{ message: 'the listener of a streamed answer broke', name: 'TypeError' }],
    ]);
    logged.mockRestore();
  });

  it('keeps a failure final when the listener broke before it', async () => {
    const logged = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const provider = new ScriptedProvider([
      (report) => {
        report('a');
        return Promise.reject(broken('transient'));
      },
    ]);
    const onDelta = () => {
      throw new TypeError('broke');
    };
    await expect(run(provider, { onDelta })).rejects.toMatchObject({ retry: 'never' });
    logged.mockRestore();
  });
});
