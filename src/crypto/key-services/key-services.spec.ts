import { generateRootKey, LocalKeyEncryption, parseRootKey } from '..';
import { AWS_CREDENTIALS, AwsKmsServer, VaultServer } from '../../../test/support/key-services';
import { Secret } from '../../common';
import { describeKeyEncryption } from '../../../test/support/key-services/describe-key-encryption';
import { AwsKmsClient } from './aws-kms.client';
import { RemoteKeyEncryption } from './remote-key-encryption';
import { VaultTransitClient } from './vault-transit.client';

let kms: AwsKmsServer;
let vault: VaultServer;
const variables = { ...process.env };

beforeAll(async () => {
  Object.assign(process.env, AWS_CREDENTIALS);
  kms = await new AwsKmsServer().listen();
  vault = await new VaultServer().listen();
  vault.addKey('keyrun');
  vault.addKey('stranger');
});

afterAll(async () => {
  process.env = variables;
  await kms.close();
  await vault.close();
});

describeKeyEncryption('LocalKeyEncryption', () => {
  const local = () => new LocalKeyEncryption(parseRootKey(generateRootKey(), 'KEYRUN_ROOT_KEY'));
  return {
    keyEncryption: local(),
    stranger: local(),
    scheme: 'local',
    encoding: 'base64url',
    calls: () => null,
  };
});

describeKeyEncryption('AWS KMS', () => {
  const aws = () => {
    const options = { keyArn: kms.addKey(), region: null, endpoint: kms.url };
    return new RemoteKeyEncryption(new AwsKmsClient(options));
  };
  return {
    keyEncryption: aws(),
    stranger: aws(),
    scheme: 'awskms',
    encoding: 'base64url',
    calls: () => kms.calls,
  };
});

describeKeyEncryption('Vault Transit', () => {
  const transit = (key: string) => {
    const readToken = () => new Secret(vault.token);
    const options = { address: vault.url, mount: vault.mount, key, readToken };
    return new RemoteKeyEncryption(new VaultTransitClient(options));
  };
  return {
    keyEncryption: transit('keyrun'),
    stranger: transit('stranger'),
    scheme: 'vault',
    encoding: 'base64',
    calls: () => vault.calls,
  };
});
