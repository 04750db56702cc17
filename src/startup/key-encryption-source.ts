import type { DataSource } from 'typeorm';
import { EXIT_CODE, StartupError } from '../common';
import type { Environment } from '../config';
import {
  AwsKmsClient,
  CompositeKeyEncryption,
  type KeyEncryption,
  RemoteKeyEncryption,
  VaultTransitClient,
} from '../crypto';
import { openRootKeys } from './root-key-source';

export interface OpenedKeyEncryption {
  readonly keyEncryption: KeyEncryption;
  /** Path of the root key file that was made at this start; null: none was. */
  readonly generatedFile: string | null;
}

/**
 * Everything that can unwrap data keys; KEYRUN_KMS says which one wraps. Asks no key service yet.
 * @throws {StartupError} exit code 78, as {@link openRootKeys}.
 */
export async function openKeyEncryption(
  environment: Environment,
  dataSource: DataSource,
): Promise<OpenedKeyEncryption> {
  const { keyEncryption: local, generatedFile } = await openRootKeys(environment, dataSource);
  const members = {
    local: local === null ? [] : [local],
    'aws-kms': awsKms(environment),
    vault: vault(environment),
  };
  const [active, ...previous] = members[environment.keyServices.active];
  if (active === undefined) {
    throw new StartupError('KEYRUN_KMS names no configured key.', EXIT_CODE.configuration);
  }
  const others = Object.values(members).flat();
  const keyEncryption = new CompositeKeyEncryption(active, [...previous, ...others]);
  return { keyEncryption, generatedFile };
}

function awsKms({ keyServices: { awsKms: settings } }: Environment): KeyEncryption[] {
  if (settings === null) return [];
  const { keyArns, region, endpoint } = settings;
  return keyArns.map(
    (keyArn) => new RemoteKeyEncryption(new AwsKmsClient({ keyArn, region, endpoint })),
  );
}

function vault({ keyServices: { vault: settings } }: Environment): KeyEncryption[] {
  if (settings === null) return [];
  const { address, mount, keys, readToken } = settings;
  return keys.map(
    (key) => new RemoteKeyEncryption(new VaultTransitClient({ address, mount, key, readToken })),
  );
}
