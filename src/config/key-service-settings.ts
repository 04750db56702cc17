import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { EXIT_CODE, Secret, StartupError } from '../common';

/** Where root keys may live. */
export const KEY_SERVICES = ['local', 'aws-kms', 'vault'] as const;

export type KeyServiceName = (typeof KEY_SERVICES)[number];

const KEY_ARN = /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]+$/;
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/;

const list = (entry: z.ZodString) =>
  z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .pipe(z.array(entry).nonempty());

/** Data keys travel to it, so plain http is for this machine only. */
const origin = z
  .string()
  .transform((text) => text.replace(/\/$/, ''))
  .refine(isOrigin, 'must be https://host[:port] (http only for a loopback address)');

export const KEY_SERVICE_VARIABLES = {
  KEYRUN_KMS: z.enum(KEY_SERVICES).default('local'),
  KEYRUN_KMS_AWS_KEY_ID: list(
    z.string().regex(KEY_ARN, 'must be the ARN of a key, arn:aws:kms:…:key/…, not of an alias'),
  ).optional(),
  KEYRUN_KMS_AWS_REGION: z
    .string()
    .regex(/^[a-z0-9-]+$/, 'must be a region')
    .optional(),
  KEYRUN_KMS_AWS_ENDPOINT: origin.optional(),
  KEYRUN_KMS_VAULT_ADDRESS: origin.optional(),
  KEYRUN_KMS_VAULT_MOUNT: z
    .string()
    .regex(/^[\w.-]+(\/[\w.-]+)*$/, 'must be the path of a secrets engine, such as transit')
    .default('transit'),
  KEYRUN_KMS_VAULT_KEY: list(
    z.string().regex(/^[\w.-]+$/, 'must be the name of a Transit key'),
  ).optional(),
  KEYRUN_KMS_VAULT_TOKEN: z.string().min(1).optional(),
  KEYRUN_KMS_VAULT_TOKEN_FILE: z.string().min(1).optional(),
};

type KeyServiceValues = z.infer<z.ZodObject<typeof KEY_SERVICE_VARIABLES>>;

/** Which keys of AWS KMS protect data keys, and where. Null: what the ARN or the region says. */
export interface AwsKmsSettings {
  /** The first one is used for wrapping, all for unwrapping. */
  readonly keyArns: readonly string[];
  readonly region: string | null;
  readonly endpoint: string | null;
}

/** Which Transit keys of Vault or OpenBao protect data keys, and where. */
export interface VaultSettings {
  readonly address: string;
  readonly mount: string;
  /** The first one is used for wrapping, all for unwrapping. */
  readonly keys: readonly string[];
  /** Reads the file again each time, if the token is in one: an agent renews it. */
  readonly readToken: () => Secret;
}

/**
 * Every key service whose settings are present can unwrap; {@link KeyServiceSettings.active} wraps. Moving from one to
 * another is thus: add the settings of the new one, then name it in KEYRUN_KMS.
 */
export interface KeyServiceSettings {
  readonly active: KeyServiceName;
  readonly awsKms: AwsKmsSettings | null;
  readonly vault: VaultSettings | null;
}

/** @throws {StartupError} exit code 78 when the settings of a service are incomplete. */
export function readKeyServiceSettings(values: KeyServiceValues): KeyServiceSettings {
  const active = values.KEYRUN_KMS;
  const awsKms = readAwsKms(values);
  const vault = readVault(values);
  if (active === 'aws-kms' && awsKms === null) {
    throw refusal('KEYRUN_KMS=aws-kms needs KEYRUN_KMS_AWS_KEY_ID.');
  }
  if (active === 'vault' && vault === null) {
    throw refusal('KEYRUN_KMS=vault needs KEYRUN_KMS_VAULT_ADDRESS.');
  }
  return Object.freeze({ active, awsKms, vault });
}

function readAwsKms(values: KeyServiceValues): AwsKmsSettings | null {
  const keyArns = values.KEYRUN_KMS_AWS_KEY_ID;
  if (keyArns === undefined) return null;
  return {
    keyArns,
    region: values.KEYRUN_KMS_AWS_REGION ?? null,
    endpoint: values.KEYRUN_KMS_AWS_ENDPOINT ?? null,
  };
}

function readVault(values: KeyServiceValues): VaultSettings | null {
  const {
    KEYRUN_KMS_VAULT_ADDRESS: address,
    KEYRUN_KMS_VAULT_KEY: keys,
    KEYRUN_KMS_VAULT_TOKEN: token,
    KEYRUN_KMS_VAULT_TOKEN_FILE: tokenFile,
  } = values;
  if (address === undefined) return null;
  if (keys === undefined) throw refusal('KEYRUN_KMS_VAULT_ADDRESS needs KEYRUN_KMS_VAULT_KEY.');
  const readToken = tokenReader(token, tokenFile);
  readToken();
  return { address, mount: values.KEYRUN_KMS_VAULT_MOUNT, keys, readToken };
}

function tokenReader(token: string | undefined, tokenFile: string | undefined): () => Secret {
  if (token !== undefined && tokenFile === undefined) {
    return () => tokenOf(token, 'KEYRUN_KMS_VAULT_TOKEN');
  }
  if (token === undefined && tokenFile !== undefined) return () => readTokenFile(tokenFile);
  throw refusal('Vault needs KEYRUN_KMS_VAULT_TOKEN or KEYRUN_KMS_VAULT_TOKEN_FILE, not both.');
}

function readTokenFile(path: string): Secret {
  try {
    return tokenOf(readFileSync(path, 'utf8').trim(), 'KEYRUN_KMS_VAULT_TOKEN_FILE');
  } catch (error) {
    if (error instanceof StartupError) throw error;
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown reason';
    throw refusal(
      `KEYRUN_KMS_VAULT_TOKEN_FILE names a file that cannot be read (${reason}): ${path}`,
    );
  }
}

function tokenOf(text: string, source: string): Secret {
  if (!/^[\x21-\x7e]+$/.test(text))
    throw refusal(`${source} must hold one token and nothing else.`);
  return new Secret(text);
}

function isOrigin(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.origin !== text.toLowerCase()) return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname));
}

function refusal(message: string): StartupError {
  return new StartupError(message, EXIT_CODE.configuration);
}
