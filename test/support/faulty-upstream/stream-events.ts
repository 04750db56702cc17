import { type OkBehaviour, type UpstreamRequest } from './behaviour';
import { usageOf } from './dialect';

export interface ToolCallPiece {
  readonly id?: string;
  readonly name?: string;
  readonly arguments?: string;
}

/** The events of one streamed answer as a vendor writes them, each as the text on the wire. */
export interface StreamEvents {
  start(): string;
  text(piece: string): string;
  toolCall(index: number, piece: ToolCallPiece): string;
  keepAlive(): string;
  finish(end: Pick<OkBehaviour, 'finishReason' | 'usage'>): string;
}

/** Chunks of Chat Completions. Usage comes only to those who ask for it. */
export function openAiEvents(request: UpstreamRequest): StreamEvents {
  const options = request.body?.stream_options as { include_usage?: boolean } | undefined;
  const common = {
    id: 'chatcmpl-upstream',
    object: 'chat.completion.chunk',
    created: 1_700_000_000,
    model: request.body?.model,
    service_tier: 'default',
    system_fingerprint: 'fp_upstream',
  };
  const chunk = (delta: object, finishReason: string | null = null) => {
    const choice = { index: 0, delta, logprobs: null, finish_reason: finishReason };
    return `data: ${JSON.stringify({ ...common, choices: [choice], usage: null })}\n\n`;
  };
  let hasCalls = false;
  return {
    start: () => chunk({ role: 'assistant', content: '', refusal: null }),
    text: (piece) => chunk({ content: piece }),
    toolCall: (index, { id, name, arguments: text }) => {
      hasCalls = true;
      const callee = { ...(name !== undefined && { name }), arguments: text ?? '' };
      const begin = id === undefined ? {} : { id, type: 'function' };
      return chunk({ tool_calls: [{ index, ...begin, function: callee }] });
    },
    keepAlive: () => ': keep-alive\n\n',
    finish: (end) => {
      const last = chunk({}, end.finishReason ?? (hasCalls ? 'tool_calls' : 'stop'));
      const usage = usageOf({ ok: true, ...end });
      const counts = {
        prompt_tokens: usage.inputTokens,
        completion_tokens: usage.outputTokens,
        total_tokens: usage.inputTokens + usage.outputTokens,
        prompt_tokens_details: { cached_tokens: usage.cacheReadTokens },
        completion_tokens_details: { reasoning_tokens: usage.reasoningTokens },
      };
      const withUsage = JSON.stringify({ ...common, choices: [], usage: counts });
      const isWanted = options?.include_usage === true && end.usage !== null;
      return `${last}${isWanted ? `data: ${withUsage}\n\n` : ''}data: [DONE]\n\n`;
    },
  };
}

/** Events of a Messages stream. Blocks are opened and closed as the content changes. */
export function anthropicEvents(request: UpstreamRequest): StreamEvents {
  const event = (value: { type: string } & Record<string, unknown>) =>
    `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;
  let index = -1;
  let open: string | null = null;
  const close = () => (open === null ? '' : event({ type: 'content_block_stop', index }));
  const enter = (block: string, content: () => object) => {
    if (open === block) return '';
    const closed = close();
    open = block;
    index += 1;
    return closed + event({ type: 'content_block_start', index, content_block: content() });
  };
  const add = (delta: object) => event({ type: 'content_block_delta', index, delta });
  const message = {
    id: 'msg_upstream',
    type: 'message',
    role: 'assistant',
    model: request.body?.model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
  };
  let hasCalls = false;
  return {
    start: () => {
      const { inputTokens } = usageOf({ ok: true });
      const usage = { input_tokens: inputTokens, output_tokens: 1, ...NOT_CACHED };
      return event({ type: 'message_start', message: { ...message, usage } });
    },
    text: (piece) =>
      enter('text', () => ({ type: 'text', text: '' })) + add({ type: 'text_delta', text: piece }),
    toolCall: (place, { id, name, arguments: text }) => {
      hasCalls = true;
      const begin = enter(`tool ${place}`, () => ({ type: 'tool_use', id, name, input: {} }));
      return begin + add({ type: 'input_json_delta', partial_json: text ?? '' });
    },
    keepAlive: () => event({ type: 'ping' }),
    finish: (end) => {
      const usage = usageOf({ ok: true, ...end });
      const counts = {
        input_tokens: usage.inputTokens - usage.cacheReadTokens - usage.cacheWriteTokens,
        output_tokens: usage.outputTokens,
        cache_creation_input_tokens: usage.cacheWriteTokens,
        cache_read_input_tokens: usage.cacheReadTokens,
      };
      const reason = end.finishReason ?? (hasCalls ? 'tool_use' : 'end_turn');
      const last = {
        type: 'message_delta',
        delta: { stop_reason: reason, stop_sequence: null },
        ...(end.usage !== null && { usage: counts }),
      };
      return close() + event(last) + event({ type: 'message_stop' });
    },
  };
}

const NOT_CACHED = { cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
