import type { Secret } from '../common';
import type { AIProvider } from './ai-provider.interface';
import type { PriceCatalog } from './pricing/price-catalog';
import type { SdkClients } from './providers/sdk-clients';
import type { ProviderTransport } from './transport';

/** One input of the form in which a credential is entered. */
export interface CredentialField {
  readonly name: string;
  readonly label: string;
  readonly required: boolean;
  /** Shown as dots, stored encrypted, never sent back. */
  readonly secret: boolean;
  readonly placeholder: string | null;
}

/** What the models of a provider can do through us, beyond text. */
export interface ProviderCapabilities {
  readonly tools: boolean;
  readonly structuredOutput: boolean;
  readonly images: boolean;
}

/** What anyone may know of a provider. JSON-safe; `GET /api/providers` answers with these. */
export interface ProviderDescription {
  /** `^[a-z0-9-]+$`; stored with keys and executions, so it never changes. */
  readonly id: string;
  readonly displayName: string;
  readonly requiresKey: boolean;
  readonly credentialFields: readonly CredentialField[];
  /** Where the vendor is, exactly as its SDK takes a base URL; `null` when nothing is called. */
  readonly defaultBaseUrl: string | null;
  /** How a key of this vendor begins, longest first. Used to warn, never to refuse. */
  readonly keyPrefixes: readonly string[];
  readonly capabilities: ProviderCapabilities;
  /** Examples. Any other model name of the vendor is passed through. */
  readonly models: readonly string[];
}

/** What a provider is made with: the key of one execution, its destination, and what all calls share. */
export interface ProviderContext {
  /** `null` only for a provider that requires no key. */
  readonly secret: Secret | null;
  /** A canonical custom base URL; `null`: the provider's own. */
  readonly baseUrl: string | null;
  readonly transport: ProviderTransport;
  readonly prices: PriceCatalog;
  readonly clients: SdkClients;
}

/** A provider of the list: a class that describes itself. */
export interface ProviderClass {
  readonly description: ProviderDescription;
  new (context: ProviderContext): AIProvider;
}
