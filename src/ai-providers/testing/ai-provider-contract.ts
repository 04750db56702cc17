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

/** How the upstream shall answer one request. Token counts are in our terms: input includes the cached ones. */
export type ContractBehaviour =
  | {
      readonly ok: true;
      readonly content?: string;
      readonly usage?: {
        readonly inputTokens: number;
        readonly outputTokens: number;
        readonly cacheReadTokens: number;
      } | null;
      /** The vendor's own word. */
      readonly finishReason?: string;
      readonly toolCalls?: readonly { id: string; name: string; arguments: string }[];
      /** Replaces the whole JSON body. */
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
