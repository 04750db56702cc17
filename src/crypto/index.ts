export { CryptoModule, type CryptoModuleOptions, type ProviderOf } from './crypto.module';
export { type Content, ContentKey, type ContentPlace } from './content-key';
export {
  CONTENT_KEY_SQL_PATTERN,
  contentKeyContext,
  ContentKeys,
  ContentKeyVault,
  type StoredContentKey,
} from './content-keys';
export { CryptoRefused, type CryptoRefusal } from './crypto.errors';
export { CryptoService } from './crypto.service';
export { DataKeyStore, type StoredDataKey } from './data-key.store';
export { type DataKey, DataKeys } from './data-keys';
export { ENVELOPE_SQL_PATTERN, MAXIMUM_SECRET_BYTES } from './envelope';
export { JournalFileKey, JournalKey, JournalKeys, type JournalPlace } from './journal-keys';
export {
  DATA_KEY_BYTES,
  type DataKeyContext,
  KeyEncryption,
  WRAPPED_DATA_KEY_SQL_PATTERN,
} from './key-encryption.interface';
export {
  AwsKmsClient,
  CompositeKeyEncryption,
  type KeyServiceFault,
  KeyServiceUnavailable,
  RemoteKeyEncryption,
  VaultTransitClient,
} from './key-services';
export { LocalKeyEncryption } from './local-key-encryption';
export { MonotonicClock } from './opened-key-cache';
export { PostgresDataKeyStore } from './postgres-data-key.store';
export {
  type DataKeyDescription,
  DataKeyRotation,
  KeyInspection,
  type KeyStatus,
  type ResealedSecret,
  type RewrapProgress,
  type RewrapResult,
  type RotatedDataKey,
  RootKeyOverview,
  RootKeyRewrap,
  type RootKeyState,
  type SealedSecret,
  type SecretColumns,
  type SecretStore,
  SecretStores,
  SecretTable,
  type SecretVerdict,
  type UnreadableDataKey,
  type Verification,
} from './rotation';
export { generateRootKey, parseRootKey, type RootKey } from './root-key';
export type { SealingContext } from './sealing-context';
