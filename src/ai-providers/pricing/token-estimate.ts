import type { ExecuteParams, Message } from '../ai-provider.interface';
import type { CostEstimate, PricedCost } from './cost.types';

/** A number of tokens and how it was counted. */
export interface TokenCount {
  readonly tokens: number;
  readonly method: CostEstimate['method'];
}

/** Counts the tokens of a text; may be slow in proportion to its length. */
export type CountTokens = (text: string) => number;

/** Output tokens that an estimate assumes when the request sets no `maxTokens`. */
export const ASSUMED_OUTPUT_TOKENS = 4096;

/** Above this a tokenizer would hold up every other request; the heuristic is used instead. */
const TOKENIZER_CHARACTERS_MAX = 200_000;
/** Byte-pair merging is quadratic in the length of an unbroken run: 200,000 letters took ten seconds. */
const UNBROKEN_RUN_MAX = 512;
const UNBROKEN_RUN = new RegExp(`\\S{${UNBROKEN_RUN_MAX}}|\\s{${UNBROKEN_RUN_MAX}}`);
const RUN_SLICE = new RegExp(`[^]{1,${UNBROKEN_RUN_MAX}}`, 'g');

const CHARACTERS_PER_TOKEN = 4;
/** Vendors add a few tokens around each message; see OpenAI's cookbook "How to count tokens". */
const TOKENS_PER_MESSAGE = 4;
/** A medium image at both vendors. The bytes of a `data:` URL are not text and are not counted. */
const TOKENS_PER_IMAGE = 1000;
/** The heuristic may be off by a quarter in each direction. */
const HEURISTIC_BAND_PERCENT = 25;

/** Input tokens of a request. Without `countTokens`, or when it cannot be used, four characters are one token. */
export function estimateInputTokens(params: ExecuteParams, countTokens?: CountTokens): TokenCount {
  const text = textOf(params);
  const images = params.messages.reduce((sum, message) => sum + imagesOf(message), 0);
  const surroundings = params.messages.length * TOKENS_PER_MESSAGE + images * TOKENS_PER_IMAGE;
  if (countTokens === undefined || text.length > TOKENIZER_CHARACTERS_MAX) {
    return { tokens: heuristicTokens(text) + surroundings, method: 'heuristic' };
  }
  const slices = UNBROKEN_RUN.test(text) ? (text.match(RUN_SLICE) ?? []) : [text];
  const tokens = slices.reduce((sum, slice) => sum + countTokens(slice), 0);
  return { tokens: tokens + surroundings, method: images === 0 ? 'tokenizer' : 'heuristic' };
}

export function heuristicTokens(text: string): number {
  return heuristicTokensOf(text.length);
}

export function heuristicTokensOf(characters: number): number {
  return Math.ceil(characters / CHARACTERS_PER_TOKEN);
}

/**
 * The range of what a call may cost: no output at all, up to `maxTokens` of it. For a heuristic count,
 * the input is taken a quarter lower and higher.
 */
export function estimateFrom(
  input: TokenCount,
  params: ExecuteParams,
  priceOf: (inputTokens: number, outputTokens: number) => PricedCost | null,
): CostEstimate {
  const band = input.method === 'heuristic' ? HEURISTIC_BAND_PERCENT : 0;
  const least = Math.floor((input.tokens * (100 - band)) / 100);
  const most = Math.ceil((input.tokens * (100 + band)) / 100);
  const low = priceOf(least, 0);
  const high = priceOf(most, params.maxTokens ?? ASSUMED_OUTPUT_TOKENS);
  return {
    inputTokens: input.tokens,
    nanoUsd: low === null || high === null ? null : { low: low.nanoUsd, high: high.nanoUsd },
    method: input.method,
  };
}

function textOf(params: ExecuteParams): string {
  const tools = params.tools === undefined ? '' : JSON.stringify(params.tools);
  const schema =
    params.responseFormat?.type === 'json_schema'
      ? JSON.stringify(params.responseFormat.schema)
      : '';
  return [params.system ?? '', ...params.messages.map(messageText), tools, schema]
    .filter((part) => part !== '')
    .join('\n');
}

function messageText(message: Message): string {
  const content =
    typeof message.content === 'string'
      ? message.content
      : message.content.map((part) => (part.type === 'text' ? part.text : '')).join('\n');
  const calls = (message.toolCalls ?? []).map((call) => `${call.name} ${call.arguments}`);
  return [content, ...calls].join('\n');
}

function imagesOf(message: Message): number {
  if (typeof message.content === 'string') return 0;
  return message.content.filter((part) => part.type === 'image').length;
}
