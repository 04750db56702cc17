export { ApiKeyCredentials, type ResolvedCredential } from './api-key-credentials';
export { ApiKeysModule } from './api-keys.module';
