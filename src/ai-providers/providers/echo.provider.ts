import { setTimeout as delay } from 'node:timers/promises';
import type {
  AIProvider,
  CallOptions,
  CredentialTestResult,
  ExecuteParams,
  ExecuteResult,
  ExecutionOutput,
} from '../ai-provider.interface';
import type { CostEstimate } from '../pricing/cost.types';
import { costOf } from '../pricing/price-catalog';
import { estimateFrom, estimateInputTokens, heuristicTokens } from '../pricing/token-estimate';
import type { ProviderContext, ProviderDescription } from '../provider-definition';
import { ProviderError, type ProviderErrorFields } from '../provider-error';
import { CATEGORY_DEFAULTS } from '../provider-error-rules';
import { textOfLast } from './message-content';

/** Waits; rejects at once when the signal aborts. */
export type Wait = (milliseconds: number, signal: AbortSignal) => Promise<unknown>;

/** Largest delay of a Node timer. */
const TIMER_MS_MAX = 2 ** 31 - 1;
const SLOW_MS = 2000;
/** What `error-429` asks its caller to wait. */
const RETRY_AFTER_MS = 1000;

/** A fixed price, so that metering can be tried without an account. */
const PRICE = {
  catalogue: 'echo@1',
  model: 'echo',
  inputNanoUsdPerMillion: '1000000000',
  outputNanoUsdPerMillion: '2000000000',
  cacheReadNanoUsdPerMillion: null,
  cacheWriteNanoUsdPerMillion: null,
};

type Failure = Partial<ProviderErrorFields> & Pick<ProviderErrorFields, 'category'>;

const FAILURES = new Map<string, Failure>([
  ['error-429', { category: 'rate_limited', upstreamStatus: 429, retryAfterMs: RETRY_AFTER_MS }],
  ['error-500', { category: 'server_error', upstreamStatus: 500 }],
  ['disconnect', { category: 'connection_lost' }],
]);

/**
 * Answers with the last user message: no key, no network, deterministic usage and cost. The name of the
 * model is the script: `slow` takes two seconds, `tool` calls the first tool until it has been answered.
 */
export class EchoProvider implements AIProvider {
  static readonly description = {
    id: 'echo',
    displayName: 'Echo (built in, for trying things out)',
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
    if (options.signal?.aborted === true) throw failure({ category: 'cancelled', billed: 'no' });
    const scripted = FAILURES.get(params.model);
    if (scripted !== undefined) throw failure(scripted);
    if (!(EchoProvider.description.models as readonly string[]).includes(params.model)) {
      throw failure({ category: 'model_not_found', upstreamStatus: 404 });
    }
    if (params.model === 'slow') await this.takeTime(options);
    const output = answerTo(params);
    const tokens = countTokens(params, output);
    return {
      output,
      finishReason: output.toolCalls.length === 0 ? 'stop' : 'tool_calls',
      usage: { ...tokens, reasoningTokens: 0, source: 'provider' },
      cost: costOf(tokens, PRICE),
      model: params.model,
      providerRequestId: null,
    };
  }

  estimateCost(params: ExecuteParams): Promise<CostEstimate> {
    const { inputTokens } = countTokens(params, answerTo(params));
    const estimate = estimateFrom(
      { tokens: inputTokens, method: 'exact' },
      params,
      (input, output) =>
        costOf(
          { inputTokens: input, outputTokens: output, cacheReadTokens: 0, cacheWriteTokens: 0 },
          PRICE,
        ),
    );
    return Promise.resolve(estimate);
  }

  testCredential(): Promise<CredentialTestResult> {
    const { models } = EchoProvider.description;
    return Promise.resolve({ modelCount: models.length, model: models[0] });
  }

  private async takeTime(options: CallOptions): Promise<void> {
    const limit = AbortSignal.timeout(Math.min(Math.ceil(options.timeoutMs), TIMER_MS_MAX));
    const signal = options.signal === undefined ? limit : AbortSignal.any([options.signal, limit]);
    try {
      await this.wait(SLOW_MS, signal);
    } catch {
      if (options.signal?.aborted === true) throw failure({ category: 'cancelled', billed: 'no' });
      throw failure({ category: 'timeout_no_response' });
    }
  }
}

function answerTo(params: ExecuteParams): ExecutionOutput {
  const isAnswered = params.messages.at(-1)?.role === 'tool';
  if (params.model !== 'tool' || isAnswered) {
    return { content: textOfLast(params.messages, isAnswered ? 'tool' : 'user'), toolCalls: [] };
  }
  const text = textOfLast(params.messages, 'user');
  const name = params.tools?.[0]?.name ?? 'echo';
  return {
    content: '',
    toolCalls: [{ id: 'call_echo_1', name, arguments: JSON.stringify({ text }) }],
  };
}

function countTokens(params: ExecuteParams, output: ExecutionOutput) {
  const calls = output.toolCalls.map((call) => call.name + call.arguments).join('');
  return {
    inputTokens: estimateInputTokens(params).tokens,
    outputTokens: heuristicTokens(output.content + calls),
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
  };
}

function failure(fields: Failure): ProviderError {
  return new ProviderError({ ...CATEGORY_DEFAULTS[fields.category], ...fields });
}
