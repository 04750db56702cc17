import { setTimeout as delay } from 'node:timers/promises';
import type {
  AIProvider,
  CallOptions,
  CredentialTestResult,
  ExecuteParams,
  ExecuteResult,
} from '../ai-provider.interface';
import type { CostEstimate } from '../pricing/cost.types';
import type { ProviderContext, ProviderDescription } from '../provider-definition';
import { ProviderError, type ProviderErrorFields } from '../provider-error';
import { CATEGORY_DEFAULTS } from '../provider-error-rules';
import { answerTo, estimateEcho, metered } from './echo-answer';
import { type Speech, speak } from './echo-stream';

/** Waits; rejects at once when the signal aborts. */
export type Wait = (milliseconds: number, signal: AbortSignal) => Promise<unknown>;

/** Largest delay of a Node timer. */
const TIMER_MS_MAX = 2 ** 31 - 1;
const SLOW_MS = 2000;
/** What `error-429` asks its caller to wait. */
const RETRY_AFTER_MS = 1000;

type Failure = Partial<ProviderErrorFields> & Pick<ProviderErrorFields, 'category'>;

const FAILURES = new Map<string, Failure>([
  ['error-429', { category: 'rate_limited', upstreamStatus: 429, retryAfterMs: RETRY_AFTER_MS }],
  ['error-500', { category: 'server_error', upstreamStatus: 500 }],
  ['disconnect', { category: 'connection_lost' }],
]);

/**
 * Answers with the last user message: no key, no network, deterministic usage and cost. The name of the
 * model is the script: `slow` takes two seconds, `tool` calls the first tool until it has been answered.
 * A streamed answer comes word by word; that of `disconnect` breaks off after three words.
 */
export class EchoProvider implements AIProvider {
  static readonly description = {
    id: 'echo',
    displayName: 'Echo',
    requiresKey: false,
    credentialFields: [],
    defaultBaseUrl: null,
    keyPrefixes: [],
    capabilities: { tools: true, structuredOutput: false, images: false },
    models: ['echo', 'slow', 'error-429', 'error-500', 'disconnect', 'tool'],
  } as const satisfies ProviderDescription;

  readonly type = EchoProvider.description.id;

  constructor(
    _context: ProviderContext,
    private readonly wait: Wait = (milliseconds, signal) =>
      delay(milliseconds, undefined, { signal }),
  ) {}

  async execute(params: ExecuteParams, options: CallOptions): Promise<ExecuteResult> {
    await options.sendAfter;
    if (options.signal?.aborted === true) throw failure({ category: 'cancelled', billed: 'no' });
    const { onDelta } = options;
    const scripted = FAILURES.get(params.model);
    const breaksOff = params.model === 'disconnect' && onDelta !== undefined;
    if (scripted !== undefined && !breaksOff) throw failure(scripted);
    if (!(EchoProvider.description.models as readonly string[]).includes(params.model)) {
      throw failure({ category: 'model_not_found', upstreamStatus: 404 });
    }
    const output = answerTo(params);
    const pause = this.pauses(params.model, options);
    if (onDelta === undefined) await pause(1);
    else await speak({ answer: output, onDelta, pause, ...endOf(params, breaksOff) });
    return {
      output,
      finishReason: output.toolCalls.length === 0 ? 'stop' : 'tool_calls',
      ...metered(params, output),
      providerRequestId: null,
    };
  }

  estimateCost(params: ExecuteParams): Promise<CostEstimate> {
    return Promise.resolve(estimateEcho(params));
  }

  testCredential(): Promise<CredentialTestResult> {
    const { models } = EchoProvider.description;
    return Promise.resolve({ modelCount: models.length, model: models[0] });
  }

  /** Spreads the time that the model takes over a number of pauses. */
  private pauses(model: string, options: CallOptions): (count: number) => Promise<void> {
    const cancelled = () => failure({ category: 'cancelled', billed: 'no' });
    if (model !== 'slow') {
      return () =>
        options.signal?.aborted === true ? Promise.reject(cancelled()) : Promise.resolve();
    }
    const limit = AbortSignal.timeout(Math.min(Math.ceil(options.timeoutMs), TIMER_MS_MAX));
    const signal = options.signal === undefined ? limit : AbortSignal.any([options.signal, limit]);
    return async (count) => {
      try {
        await this.wait(SLOW_MS / count, signal);
      } catch {
        if (options.signal?.aborted === true) throw cancelled();
        throw failure({ category: 'timeout_no_response' });
      }
    };
  }
}

/** How a streamed answer ends early. */
function endOf(
  params: ExecuteParams,
  breaksOff: boolean,
): Pick<Speech, 'breaksOffWith' | 'describe'> {
  return {
    breaksOffWith: breaksOff
      ? failure({ category: 'response_truncated', billed: 'partial' })
      : null,
    describe: (error, output) => {
      const category =
        error.category === 'timeout_no_response' ? 'deadline_exceeded' : error.category;
      const isSilent = output.content === '' && output.toolCalls.length === 0;
      if (isSilent) return error;
      const retry = CATEGORY_DEFAULTS[category].retry;
      return error.with({ category, retry, billed: 'partial', output, ...metered(params, output) });
    },
  };
}

function failure(fields: Failure): ProviderError {
  return new ProviderError({ ...CATEGORY_DEFAULTS[fields.category], ...fields });
}
