import type { KMSClient } from '@aws-sdk/client-kms';

import { CryptoRefused } from '../crypto.errors';
import { DATA_KEY_BYTES, type DataKeyContext } from '../key-encryption.interface';
import {
  CONNECT_TIMEOUT_MS,
  type KeyServiceClient,
  SYSTEM,
  TOTAL_TIMEOUT_MS,
} from './key-service-client';
import { type KeyServiceFault, KeyServiceUnavailable } from './key-service-unavailable';

export interface AwsKmsOptions {
  /** ARN of the key itself. Not an alias, which can be pointed at another key. */
  readonly keyArn: string;
  /** Null: the region in the ARN. */
  readonly region: string | null;
  /** Null: the public endpoint of the region. */
  readonly endpoint: string | null;
  readonly connectTimeoutMs?: number;
}

/** What errors of the SDK carry when the service answered. */
interface ServiceException {
  readonly $metadata: { readonly httpStatusCode?: number };
}

const REGION_FIELD = 3;

/** Errors that are a verdict on the ciphertext: altered, another encryption context, another key. */
const REFUSALS = new Set(['InvalidCiphertextException', 'IncorrectKeyException']);

const FAULTS: Readonly<Record<string, KeyServiceFault>> = {
  AbortError: 'timeout',
  TimeoutError: 'timeout',
  ThrottlingException: 'throttled',
  LimitExceededException: 'throttled',
  AccessDeniedException: 'denied',
  CredentialsProviderError: 'denied',
  ExpiredTokenException: 'denied',
  IncompleteSignatureException: 'denied',
  InvalidClientTokenId: 'denied',
  InvalidSignatureException: 'denied',
  MissingAuthenticationTokenException: 'denied',
  UnrecognizedClientException: 'denied',
  DisabledException: 'key_unusable',
  KeyUnavailableException: 'key_unusable',
  KMSInvalidStateException: 'key_unusable',
  NotFoundException: 'key_unusable',
};

/**
 * AWS KMS, symmetric keys. Credentials are the operator's, found by the default chain of the SDK: variables, profile,
 * container, instance role.
 */
export class AwsKmsClient implements KeyServiceClient {
  readonly scheme = 'awskms';
  readonly keyName: string;
  #client: KMSClient | null = null;

  constructor(private readonly options: AwsKmsOptions) {
    this.keyName = options.keyArn;
  }

  isPayload(text: string): boolean {
    return text !== '' && Buffer.from(text, 'base64url').toString('base64url') === text;
  }

  async encrypt(dataKey: Buffer, context: DataKeyContext, signal: AbortSignal): Promise<string> {
    const { EncryptCommand } = await load();
    const command = new EncryptCommand({
      KeyId: this.keyName,
      Plaintext: dataKey,
      EncryptionContext: encryptionContext(context),
    });
    const answer = await this.#send((client) => client.send(command, { abortSignal: signal }));
    const { CiphertextBlob: blob, KeyId: keyId } = answer;
    if (blob === undefined || blob.length === 0 || keyId !== this.keyName) {
      throw new KeyServiceUnavailable('invalid_answer');
    }
    return Buffer.from(blob).toString('base64url');
  }

  async decrypt(payload: string, context: DataKeyContext, signal: AbortSignal): Promise<Buffer> {
    const { DecryptCommand } = await load();
    const command = new DecryptCommand({
      KeyId: this.keyName,
      CiphertextBlob: Buffer.from(payload, 'base64url'),
      EncryptionContext: encryptionContext(context),
    });
    const answer = await this.#send((client) => client.send(command, { abortSignal: signal }));
    const { Plaintext: plaintext, KeyId: keyId } = answer;
    if (plaintext?.length !== DATA_KEY_BYTES || keyId !== this.keyName) {
      plaintext?.fill(0);
      throw new KeyServiceUnavailable('invalid_answer');
    }
    const dataKey = Buffer.from(plaintext);
    plaintext.fill(0);
    return dataKey;
  }

  async #send<T>(exchange: (client: KMSClient) => Promise<T>): Promise<T> {
    try {
      this.#client ??= await this.#connect();
      return await exchange(this.#client);
    } catch (error) {
      throw translate(error);
    }
  }

  async #connect(): Promise<KMSClient> {
    const { KMSClient } = await load();
    const { keyArn, region, endpoint, connectTimeoutMs = CONNECT_TIMEOUT_MS } = this.options;
    return new KMSClient({
      region: region ?? keyArn.split(':')[REGION_FIELD],
      ...(endpoint !== null && { endpoint }),
      // Repeating is decided by the one who knows the deadline.
      maxAttempts: 1,
      requestHandler: {
        connectionTimeout: connectTimeoutMs,
        requestTimeout: TOTAL_TIMEOUT_MS,
        throwOnRequestTimeout: true,
      },
    });
  }
}

/** Loaded at the first use: a server with a local root key does not pay for it. */
function load(): Promise<typeof import('@aws-sdk/client-kms')> {
  return import('@aws-sdk/client-kms');
}

/** Readable in CloudTrail, hence ids only. */
function encryptionContext({ workspaceId, dataKeyId }: DataKeyContext): Record<string, string> {
  return { app: 'keyrun', workspaceId: workspaceId ?? SYSTEM, dataKeyId };
}

function translate(error: unknown): Error {
  const { name, $metadata } = error as Error & Partial<ServiceException>;
  if (REFUSALS.has(name)) return new CryptoRefused('auth_failed');
  const fault = FAULTS[name];
  if (fault !== undefined) return new KeyServiceUnavailable(fault);
  if (($metadata?.httpStatusCode ?? 0) >= 400) return new KeyServiceUnavailable('failed');
  return new KeyServiceUnavailable(error instanceof SyntaxError ? 'invalid_answer' : 'unreachable');
}
