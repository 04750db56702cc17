export { ApiKeyCredentials, type ResolvedCredential } from './api-key-credentials';
export type { AssumedApiKey } from './api-key-finder';
export { ApiKeySecrets } from './api-key-secrets';
export { ApiKeysModule } from './api-keys.module';
