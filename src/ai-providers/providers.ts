import type { ProviderClass } from './provider-definition';
import { AnthropicProvider } from './providers/anthropic.provider';
import { EchoProvider } from './providers/echo.provider';
import { OpenAIProvider } from './providers/openai.provider';

/** The one list. A new provider is its file, its spec, and a line here. */
export const AI_PROVIDERS = [
  OpenAIProvider,
  AnthropicProvider,
  EchoProvider,
] as const satisfies readonly ProviderClass[];

/** Ids of the built-in providers. Stored ids are plain strings: a list may grow or shrink. */
export type ProviderType = (typeof AI_PROVIDERS)[number]['description']['id'];

/** The providers of this server, as the injected dependency of the factory. */
export class ProviderList {
  constructor(readonly classes: readonly ProviderClass[] = AI_PROVIDERS) {}
}
