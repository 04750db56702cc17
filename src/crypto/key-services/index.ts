export { AwsKmsClient, type AwsKmsOptions } from './aws-kms.client';
export { CompositeKeyEncryption } from './composite-key-encryption';
export { KeyServiceUnavailable, type KeyServiceFault } from './key-service-unavailable';
export { RemoteKeyEncryption } from './remote-key-encryption';
export { VaultTransitClient, type VaultTransitOptions } from './vault-transit.client';
