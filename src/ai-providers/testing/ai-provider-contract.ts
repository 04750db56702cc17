import type { ExecuteParams, FinishReason } from '../ai-provider.interface';
import type { ProviderClass } from '../provider-definition';

/** One request as the upstream received it. */
export interface ContractRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Readonly<Record<string, unknown>> | undefined;
}

/**
 * One streamed answer under way, in the vendor's own events. The promises resolve when the bytes are
 * written; nothing waits by itself. The first step sends the head of a 200.
 */
export interface ContractWire {
  /** The vendor's opening events: from here on the answer has begun. */
  start(): Promise<void>;
  text(piece: string): Promise<void>;
  /** `index` counts the tool calls from 0; the first piece of one has its id and name. */
  toolCall(index: number, piece: { id?: string; name?: string; arguments?: string }): Promise<void>;
  /** What the vendor sends so that nobody gives up. */
  keepAlive(): Promise<void>;
  /** The vendor's error event inside the stream. */
  error(error: { type: string; code?: string; message?: string }): Promise<void>;
  /** The vendor's terminal events, with the usage. */
  finish(end?: {
    readonly finishReason?: string;
    readonly usage?: ContractUsage | null;
  }): Promise<void>;
  /** Any bytes. */
  raw(bytes: string | Uint8Array): Promise<void>;
  /** From here on the bytes are written in pieces of this length, whatever they mean. */
  cutInto(length: number): void;
  /** From here on what is written is changed so. */
  rewrite(change: (text: string) => string): void;
  /** Ends the body in order. */
  end(): void;
  /** Ends the connection in the middle of the body. */
  cut(): void;
  /** A TCP reset. */
  reset(): void;
  /** Resolves when the connection of the answer has closed. */
  untilClosed(): Promise<void>;
}

/** Token counts in our terms: input includes the cached ones. */
export interface ContractUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
}

/** How the upstream shall answer one request; a success is streamed if the request asks for that. */
export type ContractBehaviour =
  | {
      readonly ok: true;
      readonly content?: string;
      readonly usage?: ContractUsage | null;
      /** The vendor's own word. */
      readonly finishReason?: string;
      readonly toolCalls?: readonly { id: string; name: string; arguments: string }[];
      /** In one piece, even if the request asks for a stream. */
      readonly whole?: true;
      /** Replaces the whole JSON body; never streamed. */
      readonly body?: unknown;
    }
  | {
      readonly status: number;
      readonly type?: string;
      readonly code?: string;
      readonly message?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | {
      readonly fault: 'html' | 'empty' | 'junk' | 'never-answer' | 'reset-before-headers';
      readonly status?: number;
      readonly bytes?: number;
    }
  | {
      /** Plays the answer of a request in streaming mode. */
      readonly stream: (wire: ContractWire) => void | Promise<void>;
    };

/** The vendor, played by a server on a loopback socket. `FaultyUpstream` is one. */
export interface ContractUpstream {
  /** `host:port`, for the allow-list. */
  readonly host: string;
  readonly requests: readonly ContractRequest[];
  /** One behaviour per request, in order; without any, the upstream answers as if healthy. */
  script(behaviours: readonly ContractBehaviour[]): void;
  close(): Promise<void>;
}

/** What the suite must know of a provider that calls a vendor. */
export interface NetworkContract<Upstream extends ContractUpstream> {
  startUpstream(): Promise<Upstream>;
  /** The base URL under which the upstream is this vendor. */
  baseUrlOf(upstream: Upstream): string;
  /** A request, and exactly the method, path and body in which it must arrive. */
  readonly translation: {
    readonly params: ExecuteParams;
    readonly method: string;
    readonly path: string;
    readonly body: Readonly<Record<string, unknown>>;
  };
  /** What the vendor's streaming mode adds to the body of {@link translation}. */
  readonly streamingBody: Readonly<Record<string, unknown>>;
  /** The word in an error event of the vendor for a server that has too much to do. */
  readonly overloadedType: string;
  /** The usage of an answer that broke off: `exact` when the vendor tells the input tokens at its start. */
  readonly inputTokensOfBrokenAnswer: 'exact' | 'estimated';
  /** The one header that carries the key, and its value. */
  keyHeader(key: string): readonly [name: string, value: string];
  /** Names of all headers that may arrive beside those of HTTP itself and the one of the key. */
  readonly otherHeaders: readonly string[];
  /** The vendor's words for why a model stopped. */
  readonly finishReasons: Readonly<Record<string, FinishReason>>;
  /** Names of the environment variables that the vendor's SDK reads. */
  readonly environmentNames: readonly string[];
}

/** What `describeAiProvider` runs against. */
export interface AiProviderContract<Upstream extends ContractUpstream> {
  readonly provider: ProviderClass;
  /** A model that answers, with a known price. */
  readonly model: string;
  /** `null` for a provider that calls nobody. */
  readonly network: NetworkContract<Upstream> | null;
}
