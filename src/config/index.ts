export { ConfigModule } from './config.module';
export { Environment, ENVIRONMENT_SCHEMA, type SecretSetting } from './environment';
export type { AwsKmsSettings, KeyServiceSettings, VaultSettings } from './key-service-settings';
