import { Injectable } from '@nestjs/common';
import { AppError, type Secret } from '../common';
import type { AIProvider } from './ai-provider.interface';
import { PriceCatalog } from './pricing/price-catalog';
import type { ProviderClass, ProviderDescription } from './provider-definition';
import { ProviderList } from './providers';
import { SdkClients } from './providers/sdk-clients';
import { ProviderTransport } from './transport';

/** Where the calls of one provider object go. */
export interface CreateProviderOptions {
  /** A base URL in the canonical form of `OutboundPolicy.checkBaseUrl`. `null` or absent: the provider's own. */
  readonly baseUrl?: string | null;
  /** Another way out than the injected one, for tests. */
  readonly transport?: ProviderTransport;
}

/** What may stand in a header; anything else would end up, with the whole key, in an error of `fetch`. */
const HEADER_SAFE = /^[\x21-\x7e]+$/;

/** Makes the providers of the list. Holds no key. */
@Injectable()
export class ProviderFactory {
  readonly #clients = new SdkClients();
  readonly #classes: ReadonlyMap<string, ProviderClass>;

  constructor(
    private readonly transport: ProviderTransport,
    private readonly prices: PriceCatalog,
    list: ProviderList,
  ) {
    this.#classes = new Map(list.classes.map((entry) => [entry.description.id, entry]));
  }

  /**
   * A provider for one execution: it holds the key and is dropped afterwards.
   * @throws {AppError} `validation_failed` for an unknown type or a key that no vendor can have issued;
   *   `provider_key_missing` when the provider needs a key and there is none.
   */
  createProvider(
    type: string,
    apiKey: Secret | null,
    options: CreateProviderOptions = {},
  ): AIProvider {
    const providerClass = this.find(type);
    const secret = providerClass.description.requiresKey ? requireKey(apiKey, type) : null;
    return new providerClass({
      secret,
      baseUrl: options.baseUrl ?? null,
      transport: options.transport ?? this.transport,
      prices: this.prices,
      clients: this.#clients,
    });
  }

  /** Every provider, in the order of the list. */
  list(): readonly ProviderDescription[] {
    return [...this.#classes.values()].map((entry) => entry.description);
  }

  /** @throws {AppError} `validation_failed` for an unknown type. */
  describe(type: string): ProviderDescription {
    return this.find(type).description;
  }

  private find(type: string): ProviderClass {
    const providerClass = this.#classes.get(type);
    if (providerClass !== undefined) return providerClass;
    const message = `Unknown provider. Known are: ${[...this.#classes.keys()].join(', ')}.`;
    throw new AppError('validation_failed', message, {
      fields: [{ pointer: '/provider', message }],
    });
  }
}

function requireKey(apiKey: Secret | null, type: string): Secret {
  const value = apiKey?.expose() ?? '';
  if (apiKey === null || value.trim() === '') {
    throw new AppError('provider_key_missing', `The provider ${type} needs an API key.`);
  }
  if (!HEADER_SAFE.test(value)) {
    const message = 'The key contains white space or characters that no API key has.';
    throw new AppError('validation_failed', message, {
      fields: [{ pointer: '/apiKey', message }],
    });
  }
  return apiKey;
}
