import type { ExecuteParams, ExecuteResult, ExecutionOutput } from '../ai-provider.interface';
import type { CostEstimate } from '../pricing/cost.types';
import { costOf } from '../pricing/price-catalog';
import { estimateFrom, estimateInputTokens } from '../pricing/token-estimate';
import { estimateOutputTokens } from './answer';
import { textOfLast } from './message-content';

/** A fixed price, so that metering can be tried without an account. */
const PRICE = {
  catalogue: 'echo@1',
  model: 'echo',
  inputNanoUsdPerMillion: '1000000000',
  outputNanoUsdPerMillion: '2000000000',
  cacheReadNanoUsdPerMillion: null,
  cacheWriteNanoUsdPerMillion: null,
};

/** The last user message; of the model `tool` a call of the first tool, until it has been answered. */
export function answerTo(params: ExecuteParams): ExecutionOutput {
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

/** Usage and price of an answer, complete or not. */
export function metered(
  params: ExecuteParams,
  output: ExecutionOutput,
): Pick<ExecuteResult, 'usage' | 'cost' | 'model'> {
  const tokens = countTokens(params, output);
  return {
    usage: { ...tokens, reasoningTokens: 0, source: 'provider' },
    cost: costOf(tokens, PRICE),
    model: params.model,
  };
}

function countTokens(params: ExecuteParams, output: ExecutionOutput) {
  return {
    inputTokens: estimateInputTokens(params).tokens,
    outputTokens: estimateOutputTokens(output),
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
  };
}

export function estimateEcho(params: ExecuteParams): CostEstimate {
  const { inputTokens } = countTokens(params, answerTo(params));
  return estimateFrom({ tokens: inputTokens, method: 'exact' }, params, (input, output) =>
    costOf(
      { inputTokens: input, outputTokens: output, cacheReadTokens: 0, cacheWriteTokens: 0 },
      PRICE,
    ),
  );
}
