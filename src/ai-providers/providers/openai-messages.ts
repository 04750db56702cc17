import type OpenAI from 'openai';
import type {
  ExecuteParams,
  FinishReason,
  Message,
  ResponseFormat,
  ToolCall,
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
  nameOrNull,
  reportedUsage,
  type VendorAnswer,
} from './answer';
import { textOnly, toolCallIdOf } from './message-content';
import { toMetadata } from './openai-stored';

type ChatRequest = OpenAI.Chat.ChatCompletionCreateParamsNonStreaming;
type ChatMessage = OpenAI.Chat.ChatCompletionMessageParam;

const FINISH_REASONS = new Map<string, FinishReason>([
  ['stop', 'stop'],
  ['length', 'length'],
  ['tool_calls', 'tool_calls'],
  ['function_call', 'tool_calls'],
  ['content_filter', 'content_filter'],
]);

/** Tiers whose prices the catalogue does not have; a project at OpenAI may be set to one of them. */
const UNPRICED_TIERS: ReadonlySet<unknown> = new Set(['flex', 'priority', 'scale', 'fast']);

/** The request in the form of OpenAI's Chat Completions. Nothing that was not asked for is sent. */
export function toChatRequest(params: ExecuteParams): ChatRequest {
  const system: ChatMessage[] =
    params.system === undefined ? [] : [{ role: 'system', content: params.system }];
  return {
    model: params.model,
    messages: [...system, ...params.messages.map(toChatMessage)],
    // `max_tokens` is refused by the reasoning models.
    ...(params.maxTokens !== undefined && { max_completion_tokens: params.maxTokens }),
    ...(params.temperature !== undefined && { temperature: params.temperature }),
    ...(params.tools !== undefined && {
      tools: params.tools.map((tool) => ({
        type: 'function' as const,
        function: { ...tool, parameters: { ...tool.parameters } },
      })),
    }),
    ...(params.toolChoice !== undefined && { tool_choice: toToolChoice(params.toolChoice) }),
    ...(params.responseFormat !== undefined && {
      response_format: toResponseFormat(params.responseFormat),
    }),
    ...(params.storeAs !== undefined && { store: true, metadata: toMetadata(params.storeAs) }),
  };
}

/**
 * Reads an answer of Chat Completions.
 * @throws {ProviderError} `invalid_response` when it is no completion or does not say why it ended.
 */
export function fromChatCompletion(answer: unknown): VendorAnswer {
  const body = asObject(answer);
  const choice = asObject(asArray(body.choices)[0]);
  const message = asObject(choice.message);
  const refusal = typeof message.refusal === 'string' ? message.refusal : '';
  const finish = asText(choice.finish_reason);
  if (finish === '') throw invalidResponse();
  return {
    output: {
      content: `${message.content == null ? '' : asText(message.content)}${refusal}`,
      toolCalls: message.tool_calls == null ? [] : asArray(message.tool_calls).map(toToolCall),
    },
    finishReason: refusal === '' ? (FINISH_REASONS.get(finish) ?? 'other') : 'refusal',
    usage: body.usage == null ? null : readUsage(asObject(body.usage)),
    model: nameOrNull(body.model),
    hasListPrice: hasListPrice(body.service_tier),
  };
}

/** Whether a call at the service tier that the answer names costs what the catalogue says. */
export function hasListPrice(tier: unknown): boolean {
  return !UNPRICED_TIERS.has(tier);
}

function toChatMessage(message: Message): ChatMessage {
  switch (message.role) {
    case 'system':
      return { role: 'system', content: textOnly(message.content) };
    case 'user':
      return { role: 'user', content: toUserContent(message.content) };
    case 'tool':
      return {
        role: 'tool',
        tool_call_id: toolCallIdOf(message),
        content: textOnly(message.content),
      };
    case 'assistant':
      return toAssistantMessage(message);
  }
}

function toUserContent(content: Message['content']) {
  if (typeof content === 'string') return content;
  return content.map((part) =>
    part.type === 'text'
      ? { type: 'text' as const, text: part.text }
      : { type: 'image_url' as const, image_url: { url: part.url } },
  );
}

function toAssistantMessage(message: Message): ChatMessage {
  const content = textOnly(message.content);
  const calls = message.toolCalls ?? [];
  if (calls.length === 0) return { role: 'assistant', content };
  return {
    role: 'assistant',
    content: content === '' ? null : content,
    tool_calls: calls.map((call) => ({
      id: call.id,
      type: 'function' as const,
      function: { name: call.name, arguments: call.arguments },
    })),
  };
}

function toToolChoice(choice: ToolChoice) {
  return typeof choice === 'string'
    ? choice
    : { type: 'function' as const, function: { name: choice.name } };
}

function toResponseFormat(format: ResponseFormat): NonNullable<ChatRequest['response_format']> {
  if (format.type !== 'json_schema') return { type: format.type };
  return {
    type: 'json_schema',
    json_schema: { name: format.name, schema: { ...format.schema }, strict: true },
  };
}

function toToolCall(value: unknown): ToolCall {
  const call = asObject(value);
  const isCustom = isObject(call.custom);
  const callee = asObject(isCustom ? call.custom : call.function);
  return {
    id: asText(call.id),
    name: asText(callee.name),
    arguments: asText(isCustom ? callee.input : callee.arguments),
  };
}

/**
 * The counts of an answer; `null` when it carries none.
 * @throws {ProviderError} `invalid_response` for a count that cannot be.
 */
export function readUsage(usage: Readonly<Record<string, unknown>>): Usage | null {
  if (usage.prompt_tokens == null || usage.completion_tokens == null) return null;
  const prompt = isObject(usage.prompt_tokens_details) ? usage.prompt_tokens_details : {};
  const completion = isObject(usage.completion_tokens_details)
    ? usage.completion_tokens_details
    : {};
  return reportedUsage({
    input: asCount(usage.prompt_tokens),
    output: asCount(usage.completion_tokens),
    cacheRead: asCount(prompt.cached_tokens),
    cacheWrite: asCount(prompt.cache_write_tokens),
    reasoning: asCount(completion.reasoning_tokens),
  });
}
