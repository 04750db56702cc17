import {
  DEFAULT_CONTENT,
  DEFAULT_USAGE,
  type ErrorBehaviour,
  type OkBehaviour,
  type UpstreamRequest,
  type UpstreamUsage,
} from './behaviour';

export type Dialect = 'openai' | 'anthropic';

const OPENAI_TYPES: Readonly<Record<number, string>> = {
  401: 'invalid_request_error',
  404: 'invalid_request_error',
  429: 'requests',
};
const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  409: 'conflict_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

/** Both vendors have `GET /v1/models`; only Anthropic's has the version header. */
export function dialectOf(request: UpstreamRequest): Dialect {
  const isAnthropic =
    request.path.startsWith('/v1/messages') || request.headers['anthropic-version'] !== undefined;
  return isAnthropic ? 'anthropic' : 'openai';
}

export function errorBody(dialect: Dialect, behaviour: ErrorBehaviour): unknown {
  const { status, message = `The upstream answers ${status}.` } = behaviour;
  if (dialect === 'anthropic') {
    const type = behaviour.type ?? ANTHROPIC_TYPES[status] ?? 'api_error';
    const details = behaviour.code == null ? {} : { details: { error_code: behaviour.code } };
    return { type: 'error', error: { type, message, ...details }, request_id: 'req_upstream' };
  }
  const fallback = status >= 500 ? 'server_error' : 'invalid_request_error';
  const type = behaviour.type ?? OPENAI_TYPES[status] ?? fallback;
  return { error: { message, type, param: null, code: behaviour.code ?? null } };
}

/** What both vendors really do with a wrong key: they repeat it. */
export function wrongKey(dialect: Dialect, key: string): ErrorBehaviour {
  if (dialect === 'anthropic') return { status: 401, message: `invalid x-api-key: ${key}` };
  return {
    status: 401,
    code: 'invalid_api_key',
    message: `Incorrect API key provided: ${key}. You can find your API key at https://platform.openai.com/account/api-keys.`,
  };
}

/** The usage of an answer, as the auditor keeps it. */
export function usageOf(behaviour: OkBehaviour): UpstreamUsage {
  return { ...DEFAULT_USAGE, ...behaviour.usage };
}

export function chatCompletion(request: UpstreamRequest, behaviour: OkBehaviour): unknown {
  const { content = DEFAULT_CONTENT, toolCalls } = behaviour;
  const usage = usageOf(behaviour);
  const calls = toolCalls?.map((call) => ({
    id: call.id,
    type: 'function',
    function: { name: call.name, arguments: call.arguments },
  }));
  return {
    id: 'chatcmpl-upstream',
    object: 'chat.completion',
    created: 1_700_000_000,
    model: behaviour.model ?? request.body?.model,
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: calls === undefined ? content : null,
          refusal: null,
          ...(calls === undefined ? {} : { tool_calls: calls }),
        },
        logprobs: null,
        finish_reason: behaviour.finishReason ?? (calls === undefined ? 'stop' : 'tool_calls'),
      },
    ],
    ...(behaviour.usage === null
      ? {}
      : {
          usage: {
            prompt_tokens: usage.inputTokens,
            completion_tokens: usage.outputTokens,
            total_tokens: usage.inputTokens + usage.outputTokens,
            prompt_tokens_details: { cached_tokens: usage.cacheReadTokens },
            completion_tokens_details: { reasoning_tokens: usage.reasoningTokens },
          },
        }),
  };
}

export function anthropicMessage(request: UpstreamRequest, behaviour: OkBehaviour): unknown {
  const { content = DEFAULT_CONTENT, toolCalls } = behaviour;
  const usage = usageOf(behaviour);
  const tools = (toolCalls ?? []).map((call) => ({
    type: 'tool_use',
    id: call.id,
    name: call.name,
    input: JSON.parse(call.arguments) as unknown,
  }));
  return {
    id: 'msg_upstream',
    type: 'message',
    role: 'assistant',
    model: behaviour.model ?? request.body?.model,
    content: tools.length > 0 ? tools : [{ type: 'text', text: content }],
    stop_reason: behaviour.finishReason ?? (tools.length > 0 ? 'tool_use' : 'end_turn'),
    stop_sequence: null,
    ...(behaviour.usage === null
      ? {}
      : {
          usage: {
            input_tokens: usage.inputTokens - usage.cacheReadTokens - usage.cacheWriteTokens,
            output_tokens: usage.outputTokens,
            cache_creation_input_tokens: usage.cacheWriteTokens,
            cache_read_input_tokens: usage.cacheReadTokens,
          },
        }),
  };
}

export function modelList(dialect: Dialect): unknown {
  if (dialect === 'openai') {
    const entry = { object: 'model', created: 1_700_000_000, owned_by: 'upstream' };
    return {
      object: 'list',
      data: ['gpt-upstream', 'gpt-upstream-mini'].map((id) => ({ id, ...entry })),
    };
  }
  const created = '2026-01-01T00:00:00Z';
  return {
    data: ['claude-upstream'].map((id) => ({
      id,
      type: 'model',
      display_name: id,
      created_at: created,
    })),
    has_more: false,
    first_id: 'claude-upstream',
    last_id: 'claude-upstream',
  };
}
