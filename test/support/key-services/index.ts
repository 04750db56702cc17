export { AWS_CREDENTIALS, AwsKmsServer } from './aws-kms-server';
export { type KeyServiceBehaviour, LoopbackKeyService } from './loopback-key-service';
export { VaultServer } from './vault-server';
