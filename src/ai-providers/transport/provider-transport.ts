import { AsyncLocalStorage } from 'node:async_hooks';
import type { Agent } from 'undici';
import { guardedAgent, type OutboundPolicy, type ResolveAddresses } from '../../outbound';
import type { CallOptions } from '../ai-provider.interface';
import { ProviderError } from '../provider-error';
import { Exchange, type ExchangeLimits } from './exchange';
import { OpenCall, type TransportCall, type TransportFetchOptions } from './open-call';

/** Bounds of one call and of the connections. */
export interface TransportLimits extends ExchangeLimits {
  /** Milliseconds for name resolution, TCP and TLS together, ≥ 1. */
  readonly connectTimeoutMs: number;
}

const DEFAULT_LIMITS: TransportLimits = {
  connectTimeoutMs: 5_000,
  idleTimeoutMs: 60_000,
  maxBodyBytes: 16 * 1024 * 1024,
  maxStreamBytes: 256 * 1024 * 1024,
  maxEventBytes: 8 * 1024 * 1024,
};

/** What a transport is made with; tests replace the resolver and the limits. */
export interface ProviderTransportOptions {
  readonly policy: OutboundPolicy;
  readonly limits?: Partial<TransportLimits>;
  readonly resolveAddresses?: ResolveAddresses;
}

/**
 * The one way out to providers. Owns the connections, guards every destination, never follows a redirect,
 * uses nothing of the environment (no proxy, no switch that weakens TLS), and knows what really happened
 * on the wire, which both official SDKs hide.
 */
export class ProviderTransport {
  readonly #agent: Agent;
  readonly #limits: TransportLimits;
  /** A connection keeps the context in which it was opened: without this, the whole request of a client, body included. */
  readonly #outsideOfRequests = AsyncLocalStorage.snapshot();

  constructor(options: ProviderTransportOptions) {
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#limits = limits;
    this.#agent = guardedAgent({
      policy: options.policy,
      connectTimeoutMs: limits.connectTimeoutMs,
      resolveAddresses: options.resolveAddresses,
    });
  }

  /**
   * Runs one provider call: `work` makes exactly one request through {@link fetch}, with the given
   * `fetchOptions` passed through the SDK. Rejects at once, without waiting for `work`, when the limit
   * passes, the signal aborts or the exchange fails; otherwise ends as `work` does. An answer with an
   * error status is left to the SDK, so its error comes out as it is.
   *
   * @throws {ProviderError} `connect_failed`, `blocked_destination` (nothing was sent), `connection_lost`,
   *   `timeout_no_response` (sent, no answer), `response_truncated` (the body broke off or stalled),
   *   `invalid_response` (redirect, compressed, too large, no HTTP), `cancelled`, or `deadline_exceeded`
   *   (the time was not spent on the wire, or on a stream that went on).
   * @throws {RangeError} `timeoutMs` is not a number ≥ 1.
   */
  call<T>(options: CallOptions, work: (call: TransportCall) => Promise<T>): Promise<T> {
    return new OpenCall().run(options, work);
  }

  /** For the `fetch` option of both SDKs. Works only inside {@link call}, with its `fetchOptions`. */
  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const call = OpenCall.of(init as Partial<TransportFetchOptions> | undefined);
    const url = new URL(typeof input === 'object' && 'url' in input ? input.url : input);
    return call.exchange((observer) => {
      const exchange = new Exchange(`${url.origin}${url.pathname}`, this.#limits, observer);
      const request = {
        origin: url.origin,
        path: url.pathname + url.search,
        method: init?.method ?? 'GET',
        headers: requestHeaders(init?.headers),
        body: requestBody(init?.body),
      };
      this.#outsideOfRequests(() => this.#agent.dispatch(request, exchange));
      return exchange;
    }, init?.signal);
  };

  /** Closes every connection at once. Calls under way fail, so drain them first. */
  async close(): Promise<void> {
    await this.#agent.destroy(
      new ProviderError({ category: 'connection_lost', retry: 'never', billed: 'unknown' }),
    );
  }
}

/** Flat, as undici takes them without another look. Names and values are checked by undici, which names no value. */
function requestHeaders(headers: RequestInit['headers']): string[] {
  const flat = ['accept-encoding', 'identity'];
  if (headers === undefined) return flat;
  const pairs = Symbol.iterator in headers ? headers : Object.entries(headers);
  for (const [name, value] of pairs as Iterable<[string, string]>) flat.push(name, value);
  return flat;
}

function requestBody(body: RequestInit['body']): string | Uint8Array | null {
  if (body === undefined || body === null) return null;
  if (typeof body === 'string' || body instanceof Uint8Array) return body;
  throw new TypeError('a provider request must have a body of text or bytes');
}
