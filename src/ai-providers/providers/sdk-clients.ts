import type { ProviderTransport } from '../transport';

/**
 * Given to an SDK client in place of a key, so that it does not look for one in the environment. Every
 * request carries the real key in its own headers; {@link sealedFetch} refuses one that does not.
 */
export const PLACEHOLDER_KEY = 'keyrun-placeholder-never-sent';

/** The transport's own deadline ends a call; the SDK's timer only must not end it earlier. */
export const SDK_TIMEOUT_MS = 2 ** 31 - 1;

const CLIENTS_MAX = 100;
/** Every header that may leave. `*_CUSTOM_HEADERS` of the environment is why this is a list of names. */
const HEADERS_SENT = ['accept', 'content-type', 'user-agent', 'authorization', 'x-api-key'];

/**
 * The SDK clients, one per provider and base URL, because making one costs more than a call. They hold
 * no key. The least recently used is dropped above a hundred.
 */
export class SdkClients {
  readonly #clients = new WeakMap<ProviderTransport, Map<string, unknown>>();

  /** `create` must return the same type for the same `key`. */
  get<Client>(transport: ProviderTransport, key: string, create: () => Client): Client {
    const clients = this.#clientsOf(transport);
    // Only `create` of the same key has ever filled this entry.
    const client = (clients.get(key) as Client | undefined) ?? create();
    clients.delete(key);
    clients.set(key, client);
    const oldest = clients.keys().next();
    if (clients.size > CLIENTS_MAX && oldest.done !== true) clients.delete(oldest.value);
    return client;
  }

  #clientsOf(transport: ProviderTransport): Map<string, unknown> {
    const clients = this.#clients.get(transport) ?? new Map<string, unknown>();
    this.#clients.set(transport, clients);
    return clients;
  }
}

/**
 * The transport's `fetch`, through which only known headers pass: an SDK adds those that it finds in the
 * environment, and its own telemetry. `vendorHeaders` are let through beside the common ones.
 */
export function sealedFetch(
  transport: ProviderTransport,
  vendorHeaders: readonly string[] = [],
): typeof globalThis.fetch {
  const names = [...HEADERS_SENT, ...vendorHeaders];
  return (input, init) => {
    const given = init?.headers instanceof Headers ? init.headers : new Headers(init?.headers);
    const headers = new Headers();
    for (const name of names) {
      const value = given.get(name);
      if (value !== null) headers.set(name, value);
    }
    // Without a body there is nothing that it could describe, and nothing of ours that replaced it.
    if (init?.body == null) headers.delete('content-type');
    const keys = `${headers.get('authorization') ?? ''} ${headers.get('x-api-key') ?? ''}`;
    if (keys.trim() === '' || keys.includes(PLACEHOLDER_KEY)) {
      throw new Error('the request carries no key of its own');
    }
    return transport.fetch(input, { ...init, headers });
  };
}
