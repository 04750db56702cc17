import type { PricedCost, CostEstimate } from './pricing/cost.types';

/** Who speaks. `tool` carries the result of a tool call. A `system` message may also be given as `system`. */
export type MessageRole = 'system' | 'user' | 'assistant' | 'tool';

/** A piece of a message: text, or an image by https URL or `data:` URL. */
export type ContentPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image'; readonly url: string };

/** A call of a tool that the model asks for. `arguments` is the JSON text exactly as the model wrote it. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

/** One turn of a conversation, in Keyrun's own vendor-neutral shape. */
export interface Message {
  readonly role: MessageRole;
  readonly content: string | readonly ContentPart[];
  /** Only on `assistant`: the calls that the model made in this turn. */
  readonly toolCalls?: readonly ToolCall[];
  /** Only on `tool`: the id of the call that this message answers. */
  readonly toolCallId?: string;
}

/** A function that the model may call. `parameters` is a JSON Schema object. */
export interface Tool {
  readonly name: string;
  readonly description?: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** `auto`: the model decides; `none`: no call; `required`: at least one; or the one named tool. */
export type ToolChoice = 'auto' | 'none' | 'required' | { readonly name: string };

/** `json_schema` asks for structured output that fits `schema`. */
export type ResponseFormat =
  | { readonly type: 'text' }
  | { readonly type: 'json_object' }
  | {
      readonly type: 'json_schema';
      readonly name: string;
      readonly schema: Readonly<Record<string, unknown>>;
    };

/** Names one attempt of ours towards a vendor that keeps answers. */
export interface AttemptReference {
  readonly executionId: string;
  /** From 1. */
  readonly attemptNumber: number;
}

/** What one provider call is asked to do. Everything a vendor needs, in vendor-neutral terms. */
export interface ExecuteParams {
  /** The vendor's model name, passed through unlisted. */
  readonly model: string;
  readonly messages: readonly Message[];
  readonly system?: string;
  /** Most output tokens, ≥ 1. */
  readonly maxTokens?: number;
  /** 0–2. A vendor that refuses it (Anthropic API 2026-10-21) is called in a version that takes it. */
  readonly temperature?: number;
  readonly tools?: readonly Tool[];
  readonly toolChoice?: ToolChoice;
  readonly responseFormat?: ResponseFormat;
  /**
   * Asks the vendor to keep the answer under this name, so that {@link AIProvider.findStored} finds it when
   * it did not reach us. Ignored by a provider without `findStored`.
   */
  readonly storeAs?: AttemptReference;
}

/**
 * A piece of an answer under way; never empty. A piece never ends in the middle of a character. Put
 * together in order, the pieces are the output of the call, exactly.
 */
export type ExecutionDelta =
  | { readonly type: 'text'; readonly text: string }
  | {
      readonly type: 'tool_call';
      /** Place of the call in `output.toolCalls`, from 0. */
      readonly index: number;
      /** Whole, in the first piece of the call that has it. */
      readonly id?: string;
      /** Whole, in the first piece of the call that has it. */
      readonly name?: string;
      readonly arguments?: string;
    };

/** Limits of one provider call, apart from what it says. */
export interface CallOptions {
  /** Milliseconds until the whole call, body included, must have ended. ≥ 1. */
  readonly timeoutMs: number;
  /** Aborts the call at once; the rejection is a {@link ProviderError} of category `cancelled`. */
  readonly signal?: AbortSignal;
  /**
   * The write-ahead of the call. The request may be prepared meanwhile, but nothing is sent and no piece is reported
   * before it resolved. If it rejects nothing is sent at all, and the call rejects with whatever it likes: its caller
   * knows why. The transport sees to it for every call that hands its options on.
   */
  readonly sendAfter?: Promise<void>;
  /**
   * Asks for the answer piece by piece: the vendor is called in its streaming mode. Called before the
   * promise settles and never after. What it throws is dropped, no further piece is reported, and the call
   * goes on: it is paid, so it must be accounted for.
   */
  readonly onDelta?: (delta: ExecutionDelta) => void;
}

/**
 * Why the model stopped. `pause`: the vendor paused a long turn and expects to be called again with the
 * answer so far; `refusal`: the model declined; `other`: a reason that this version does not know.
 */
export type FinishReason =
  'stop' | 'length' | 'tool_calls' | 'content_filter' | 'refusal' | 'pause' | 'other';

/** Token counts of one call. Non-negative integers. */
export interface Usage {
  /** All input tokens, the cached ones included. */
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Part of `inputTokens` that was read from the vendor's prompt cache. */
  readonly cacheReadTokens: number;
  /** Part of `inputTokens` that was written to the vendor's prompt cache. */
  readonly cacheWriteTokens: number;
  /** Part of `outputTokens` that the model spent on reasoning. */
  readonly reasoningTokens: number;
  /** `provider`: the vendor's own counts; `estimated`: the vendor sent none. */
  readonly source: 'provider' | 'estimated';
}

/** The answer of the model. */
export interface ExecutionOutput {
  readonly content: string;
  readonly toolCalls: readonly ToolCall[];
}

/** A proved success: the answer carried the vendor's terminal marker (a finish reason). */
export interface ExecuteResult {
  readonly output: ExecutionOutput;
  readonly finishReason: FinishReason;
  readonly usage: Usage;
  /** `null` when the price of the model is unknown; never 0 for that. */
  readonly cost: PricedCost | null;
  /** The model that answered, which may be a dated snapshot of the one asked for. */
  readonly model: string;
  /** The vendor's request id, for its support, if it sent one. */
  readonly providerRequestId: string | null;
}

/** Result of asking the vendor whether it accepts a key, by a real call that costs nothing. */
export interface CredentialTestResult {
  /** How many models the vendor lists for the key, if it lists any. */
  readonly modelCount: number | null;
  /** A model that the key may use, as an example. */
  readonly model: string | null;
}

/**
 * One vendor with one key. Made by `ProviderFactory` for one execution and dropped after it; holds the
 * key, so it is never cached, logged or stored. Every failure is a `ProviderError`.
 *
 * One `execute()` is exactly one upstream request: retries belong to `retryWithBackoff`.
 */
export interface AIProvider {
  /** The id of the provider in the list, e.g. `openai`. */
  readonly type: string;

  /**
   * Calls the model once and returns its complete answer.
   * @throws {ProviderError} classified; `billed` says what is known of the money.
   */
  execute(params: ExecuteParams, options: CallOptions): Promise<ExecuteResult>;

  /** What the call would cost, without making it. Nothing is sent. */
  estimateCost(params: ExecuteParams): Promise<CostEstimate>;

  /**
   * Asks the vendor whether the key works, at no cost.
   * @throws {ProviderError} `credential_invalid` when the vendor refuses the key.
   */
  testCredential(options: CallOptions): Promise<CredentialTestResult>;

  /**
   * The complete answer that the vendor kept for an attempt, with usage and price; `null` when it has none,
   * or none that can be metered. Costs nothing. Vendors store with a delay, so `null` may be early.
   * @throws {ProviderError} when the vendor cannot be asked.
   */
  findStored?(reference: AttemptReference, options: CallOptions): Promise<ExecuteResult | null>;
}
