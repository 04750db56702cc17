export { ApiKeyCredentials, type ResolvedCredential } from './api-key-credentials';
export { ApiKeySecrets } from './api-key-secrets';
export { ApiKeysModule } from './api-keys.module';
