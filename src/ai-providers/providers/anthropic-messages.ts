import type Anthropic from '@anthropic-ai/sdk';
import type {
  ExecuteParams,
  FinishReason,
  Message,
  ToolChoice,
  Usage,
} from '../ai-provider.interface';
import { invalidResponse } from '../classify-provider-error';
import {
  asArray,
  asCount,
  asObject,
  asText,
  isObject,
  type JsonObject,
  nameOrNull,
  reportedUsage,
  type VendorAnswer,
} from './answer';
import { textOnly, toolCallIdOf, untranslatable } from './message-content';

/** Sent when the caller sets no `maxTokens`, because the Messages API requires a number. */
export const DEFAULT_MAX_TOKENS = 4096;

/** `temperature` is gone from the SDK's type: API version 2026-10-21 refuses it, 2023-06-01 takes it. */
export type MessagesRequest = Anthropic.MessageCreateParamsNonStreaming & {
  readonly temperature?: number;
};
type ContentBlock = Anthropic.TextBlockParam | Anthropic.ImageBlockParam;

const FINISH_REASONS = new Map<string, FinishReason>([
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['tool_use', 'tool_calls'],
  ['pause_turn', 'pause'],
  ['refusal', 'refusal'],
]);

const DATA_URL = /^data:(image\/(?:jpeg|png|gif|webp));base64,/;
/** The Messages API has no JSON mode without a schema. */
const JSON_INSTRUCTION = 'Answer with one JSON object and nothing else.';

/** The request in the form of Anthropic's Messages API. */
export function toMessagesRequest(params: ExecuteParams): MessagesRequest {
  const system = systemText(params);
  return {
    model: params.model,
    max_tokens: params.maxTokens ?? DEFAULT_MAX_TOKENS,
    messages: toTurns(params.messages),
    ...(system !== '' && { system }),
    ...(params.temperature !== undefined && { temperature: params.temperature }),
    ...(params.tools !== undefined && {
      tools: params.tools.map((tool) => ({
        name: tool.name,
        ...(tool.description !== undefined && { description: tool.description }),
        input_schema: { ...tool.parameters, type: 'object' as const },
      })),
    }),
    ...(params.toolChoice !== undefined && { tool_choice: toToolChoice(params.toolChoice) }),
    ...(params.responseFormat?.type === 'json_schema' && {
      output_config: {
        format: { type: 'json_schema' as const, schema: { ...params.responseFormat.schema } },
      },
    }),
  };
}

/** How an answer ended, apart from what it says. */
export type MessageEnd = Omit<VendorAnswer, 'output'>;

/**
 * Reads an answer of the Messages API. Blocks other than text and tool calls (thinking) are left out.
 * @throws {ProviderError} `invalid_response` when it is no message or does not say why it ended.
 */
export function fromMessage(answer: unknown): VendorAnswer {
  const body = asObject(answer);
  const blocks = asArray(body.content).map(asObject);
  return {
    output: {
      content: blocks
        .filter((block) => block.type === 'text')
        .map((block) => asText(block.text))
        .join(''),
      toolCalls: blocks
        .filter((block) => block.type === 'tool_use')
        .map((block) => ({
          id: asText(block.id),
          name: asText(block.name),
          arguments: toJson(block.input ?? {}),
        })),
    },
    ...readMessageEnd(body),
  };
}

/** @throws {ProviderError} `invalid_response` when the message does not say why it ended. */
export function readMessageEnd(body: JsonObject): MessageEnd {
  const stop = asText(body.stop_reason);
  if (stop === '') throw invalidResponse();
  const usage = body.usage == null ? null : asObject(body.usage);
  return {
    finishReason: FINISH_REASONS.get(stop) ?? 'other',
    usage: usage === null ? null : readUsage(usage),
    model: nameOrNull(body.model),
    hasListPrice: usage === null || hasListPrice(usage),
  };
}

function systemText(params: ExecuteParams): string {
  const inline = params.messages
    .filter((message) => message.role === 'system')
    .map((message) => textOnly(message.content));
  const json = params.responseFormat?.type === 'json_object' ? [JSON_INSTRUCTION] : [];
  return [params.system ?? '', ...inline, ...json].filter((text) => text !== '').join('\n\n');
}

/** The results of all tool calls of one turn must stand in one message, so neighbours are joined. */
function toTurns(messages: readonly Message[]): Anthropic.MessageParam[] {
  const turns: Anthropic.MessageParam[] = [];
  let results: Anthropic.ToolResultBlockParam[] | null = null;
  for (const message of messages) {
    if (message.role === 'system') continue;
    if (message.role !== 'tool') {
      results = null;
      turns.push({ role: message.role, content: toContent(message) });
      continue;
    }
    if (results === null) {
      results = [];
      turns.push({ role: 'user', content: results });
    }
    results.push({
      type: 'tool_result',
      tool_use_id: toolCallIdOf(message),
      content: toBlocks(message.content),
    });
  }
  return turns;
}

function toContent(message: Message): string | Anthropic.ContentBlockParam[] {
  const calls = message.toolCalls ?? [];
  const content = toBlocks(message.content);
  if (calls.length === 0) return content;
  const blocks = typeof content === 'string' ? [{ type: 'text' as const, text: content }] : content;
  return [
    // An empty text block is refused.
    ...blocks.filter((block) => block.type !== 'text' || block.text !== ''),
    ...calls.map((call) => ({
      type: 'tool_use' as const,
      id: call.id,
      name: call.name,
      input: parseArguments(call.arguments),
    })),
  ];
}

function toBlocks(content: Message['content']): string | ContentBlock[] {
  if (typeof content === 'string') return content;
  return content.map((part) =>
    part.type === 'text' ? { type: 'text', text: part.text } : toImage(part.url),
  );
}

function toImage(url: string): Anthropic.ImageBlockParam {
  const match = DATA_URL.exec(url);
  if (match === null) {
    if (url.startsWith('data:')) throw untranslatable();
    return { type: 'image', source: { type: 'url', url } };
  }
  const mediaType = match[1] as Anthropic.Base64ImageSource['media_type'];
  const data = url.slice(match[0].length);
  return { type: 'image', source: { type: 'base64', media_type: mediaType, data } };
}

function parseArguments(text: string): unknown {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    throw untranslatable();
  }
}

function toToolChoice(choice: ToolChoice): Anthropic.ToolChoice {
  if (typeof choice !== 'string') return { type: 'tool', name: choice.name };
  return { type: choice === 'required' ? 'any' : choice };
}

/**
 * The counts of an answer; `null` when it carries none. `input_tokens` leaves the cached tokens out; ours
 * include them.
 * @throws {ProviderError} `invalid_response` for a count that cannot be.
 */
export function readUsage(usage: JsonObject): Usage | null {
  if (usage.input_tokens == null || usage.output_tokens == null) return null;
  const details = isObject(usage.output_tokens_details) ? usage.output_tokens_details : {};
  const cacheRead = asCount(usage.cache_read_input_tokens);
  const cacheWrite = asCount(usage.cache_creation_input_tokens);
  return reportedUsage({
    input: asCount(usage.input_tokens) + cacheRead + cacheWrite,
    output: asCount(usage.output_tokens),
    cacheRead,
    cacheWrite,
    reasoning: asCount(details.thinking_tokens),
  });
}

/** The catalogue has no prices for priority, batch and fast calls. */
export function hasListPrice(usage: JsonObject): boolean {
  const isStandardTier = usage.service_tier == null || usage.service_tier === 'standard';
  return isStandardTier && usage.speed !== 'fast';
}

/** @throws {ProviderError} `invalid_response` for a value that is nested beyond all measure. */
export function toJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    throw invalidResponse();
  }
}
