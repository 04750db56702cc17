import { Injectable } from '@nestjs/common';
import { OutboundPolicy, type ProviderDescription, ProviderFactory } from '../ai-providers';
import { AppError, Secret } from '../common';

/** Shorter keys show nothing: four of their characters would be too much of them. */
const MASKED_LENGTH_MIN = 12;

/** A key as it came in, checked, with what is shown of it later. */
export interface IntakeKey {
  readonly provider: ProviderDescription;
  readonly secret: Secret;
  readonly last4: string;
  /** Canonical; null: the vendor's own address. */
  readonly baseUrl: string | null;
  readonly warnings: string[];
}

/** Checks a pasted key against its provider and the outbound policy. Nothing is stored or sent here. */
@Injectable()
export class ApiKeyIntake {
  constructor(
    private readonly providerFactory: ProviderFactory,
    private readonly outboundPolicy: OutboundPolicy,
  ) {}

  /**
   * @throws {AppError} `validation_failed` for an unknown provider, `unprocessable` for one without keys,
   * `blocked_destination` for a base URL that the policy refuses.
   */
  accept(input: { provider: string; apiKey: string; baseUrl?: string | null }): IntakeKey {
    const provider = this.providerFactory.describe(input.provider);
    if (!provider.requiresKey) {
      throw new AppError('unprocessable', `The provider ${provider.id} needs no key.`);
    }
    const baseUrl = input.baseUrl == null ? null : this.outboundPolicy.checkBaseUrl(input.baseUrl);
    return {
      provider,
      secret: new Secret(input.apiKey),
      last4: input.apiKey.length < MASKED_LENGTH_MIN ? '' : input.apiKey.slice(-4),
      baseUrl,
      warnings: this.warnAboutPrefix(provider, input.apiKey),
    };
  }

  /** @throws {AppError} `validation_failed` for a provider that is none. */
  refuseUnknown(provider: string): void {
    const known = this.providerFactory.list().map(({ id }) => id);
    if (known.includes(provider)) return;
    throw new AppError('validation_failed', 'Invalid: ?provider. See `errors`.', {
      fields: [{ pointer: '?provider', message: `is no provider; known are ${known.join(', ')}` }],
    });
  }

  private warnAboutPrefix(provider: ProviderDescription, apiKey: string): string[] {
    const prefixes = this.providerFactory
      .list()
      .flatMap((candidate) => candidate.keyPrefixes.map((prefix) => ({ candidate, prefix })))
      .filter(({ prefix }) => apiKey.startsWith(prefix))
      .sort((left, right) => right.prefix.length - left.prefix.length);
    const match = prefixes[0]?.candidate;
    if (match === undefined || match.id === provider.id) return [];
    return [
      `This looks like a key of ${match.displayName}, but the provider is ${provider.displayName}.`,
    ];
  }
}
