export { AiProvidersModule } from './ai-providers.module';
export type {
  AIProvider,
  AttemptReference,
  CallOptions,
  ContentPart,
  CredentialTestResult,
  ExecuteParams,
  ExecuteResult,
  ExecutionDelta,
  ExecutionOutput,
  FinishReason,
  Message,
  MessageRole,
  ResponseFormat,
  Tool,
  ToolCall,
  ToolChoice,
  Usage,
} from './ai-provider.interface';
export { proveExecuteResult } from './execute-result';
export type { CostEstimate, PricedCost, PriceSnapshot } from './pricing/cost.types';
export { costOf, PriceCatalog, type PricedTokens, type PriceQuery } from './pricing/price-catalog';
export { ASSUMED_OUTPUT_TOKENS } from './pricing/token-estimate';
export { formatUsd, parseUsd } from './pricing/usd';
export type {
  CredentialField,
  ProviderCapabilities,
  ProviderClass,
  ProviderContext,
  ProviderDescription,
} from './provider-definition';
export {
  type Billed,
  PROVIDER_ERROR_CATEGORIES,
  ProviderError,
  type ProviderErrorCategory,
  type ProviderErrorFields,
  type RetryClass,
} from './provider-error';
export { type CreateProviderOptions, ProviderFactory } from './provider-factory.service';
export { AI_PROVIDERS, ProviderList, type ProviderType } from './providers';
export { AnthropicProvider } from './providers/anthropic.provider';
export { EchoProvider } from './providers/echo.provider';
export { OpenAIProvider } from './providers/openai.provider';
export { PLACEHOLDER_KEY } from './providers/sdk-clients';
export * from './retry';
export * from './transport';
