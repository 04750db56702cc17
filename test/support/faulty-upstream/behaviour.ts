import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { ContractWire } from '../../../src/ai-providers/testing/ai-provider-contract';

/** Token counts in Keyrun's terms: `inputTokens` includes the cached ones. Each dialect says them its way. */
export interface UpstreamUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly reasoningTokens: number;
}

/** What an answer reports unless the script says otherwise. */
export const DEFAULT_USAGE: UpstreamUsage = {
  inputTokens: 12,
  outputTokens: 7,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  reasoningTokens: 0,
};

export const DEFAULT_CONTENT = 'Hello from the upstream.';

/** A billed success in the dialect of the request, streamed if it asks for that; everything may be overridden. */
export interface OkBehaviour {
  readonly ok: true;
  readonly content?: string;
  /** Merged over {@link DEFAULT_USAGE}; `null`: the answer carries no usage. */
  readonly usage?: Partial<UpstreamUsage> | null;
  /** The vendor's own word, e.g. `length` or `max_tokens`. */
  readonly finishReason?: string;
  /** The model that the answer names. Default: the one asked for. */
  readonly model?: string;
  /** `arguments` is JSON text. */
  readonly toolCalls?: readonly { id: string; name: string; arguments: string }[];
  readonly headers?: Readonly<Record<string, string>>;
  /** In one piece, even if the request asks for a stream. */
  readonly whole?: true;
  /** Replaces the whole JSON body; never streamed. */
  readonly body?: unknown;
}

/** An error status with an error body of the right dialect. Never billed. */
export interface ErrorBehaviour {
  readonly status: number;
  readonly type?: string;
  readonly code?: string | null;
  readonly message?: string;
  /** E.g. `retry-after`, `retry-after-ms`, `x-should-retry`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Replaces the whole JSON body. A string is sent as it is. */
  readonly body?: unknown;
}

/** What goes wrong. The comment says what is on the wire; (billed) means that the model has run. */
export type Fault =
  /** An HTML page with `status` (default 200). */
  | 'html'
  /** `status` (default 200), JSON content type, no byte of body. */
  | 'empty'
  /** 200, half of the JSON, then the connection ends (billed). */
  | 'half-json-close'
  /** 200, half of the JSON, then silence (billed). */
  | 'half-json-stall'
  /** The request is read, nothing is ever sent. */
  | 'never-answer'
  /** 200 and headers, then silence (billed). */
  | 'headers-stall'
  /** TCP reset after the request was read. */
  | 'reset-before-headers'
  /** 200, half of the JSON, then a TCP reset (billed). */
  | 'reset-in-body'
  /** `status` (default 307) to `location`. */
  | 'redirect'
  /** The connection is closed in order after the request was read. */
  | 'accept-then-close'
  /** The whole answer, one byte per `intervalMs` (default 10) (billed). */
  | 'slow-drip'
  /** 200, JSON content type, `bytes` (default 10 MiB) of `x`. */
  | 'junk'
  /** Bytes that are no HTTP. */
  | 'not-http'
  /** The whole answer, compressed although not asked for (billed). */
  | 'gzip';

export interface FaultBehaviour {
  readonly fault: Fault;
  readonly status?: number;
  readonly location?: string;
  readonly bytes?: number;
  readonly intervalMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Full control for what the words above do not say, e.g. a stream. Not counted as paid. */
export interface RawBehaviour {
  readonly raw: (response: ServerResponse, request: UpstreamRequest) => void;
}

/** A streamed answer as the script plays it, step by step; it may wait for the test between two steps. Paid. */
export interface StreamBehaviour {
  readonly stream: (wire: ContractWire) => void | Promise<void>;
}

export type Behaviour =
  OkBehaviour | ErrorBehaviour | FaultBehaviour | RawBehaviour | StreamBehaviour;

/** One request as it arrived. */
export interface UpstreamRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The parsed JSON body, or `undefined` when there is none. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
  /** Milliseconds of `performance.now()`. */
  readonly at: number;
}

/** A call for which the vendor would send a bill, whether or not its answer arrived whole. */
export interface PaidCall {
  readonly request: UpstreamRequest;
  readonly usage: UpstreamUsage;
}

export function isPaid(behaviour: Behaviour): boolean {
  if ('ok' in behaviour || 'stream' in behaviour) return true;
  if (!('fault' in behaviour)) return false;
  switch (behaviour.fault) {
    case 'half-json-close':
    case 'half-json-stall':
    case 'headers-stall':
    case 'reset-in-body':
    case 'slow-drip':
    case 'gzip':
      return true;
    case 'html':
    case 'empty':
    case 'never-answer':
    case 'reset-before-headers':
    case 'redirect':
    case 'accept-then-close':
    case 'junk':
    case 'not-http':
      return false;
  }
}
