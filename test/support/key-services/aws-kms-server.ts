import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import {
  type KeyServiceAnswer,
  type KeyServiceFaultKind,
  LoopbackKeyService,
} from './loopback-key-service';

/** Credentials that the server accepts, as variables of the default credential chain. */
export const AWS_CREDENTIALS = {
  AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7LOOPBACK',
  AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiLOOPBACKKEY',
  AWS_SESSION_TOKEN: 'FwoGZXIvYXdzELOOPBACKSESSIONTOKEN',
} as const;

const HASH_BYTES = 8;
const IV_BYTES = 12;
const TAG_BYTES = 16;

interface KmsRequest {
  readonly KeyId: string;
  readonly Plaintext?: string;
  readonly CiphertextBlob?: string;
  readonly EncryptionContext?: Readonly<Record<string, string>>;
}

/** AWS KMS in its JSON 1.1 protocol: Encrypt and Decrypt of symmetric keys, each ciphertext bound to its context. */
export class AwsKmsServer extends LoopbackKeyService {
  /** The contexts of all requests, as CloudTrail would show them. */
  readonly contexts: unknown[] = [];
  /** The key that answers claim to have used; null: the one they did use. */
  answersAs: string | null = null;
  readonly #keys = new Map<string, Buffer>();

  addKey(
    arn = `arn:aws:kms:eu-central-1:111122223333:key/${randomBytes(8).toString('hex')}`,
  ): string {
    this.#keys.set(arn, randomBytes(32));
    return arn;
  }

  protected answer(request: IncomingMessage, body: KmsRequest): KeyServiceAnswer {
    const { authorization = '' } = request.headers;
    if (!authorization.startsWith('AWS4-HMAC-SHA256 Credential=')) {
      return failure('MissingAuthenticationTokenException', 'Request is missing a token');
    }
    if (!authorization.includes(AWS_CREDENTIALS.AWS_ACCESS_KEY_ID)) {
      return failure('UnrecognizedClientException', 'The security token is invalid.');
    }
    this.contexts.push(body.EncryptionContext);
    const key = this.#keys.get(body.KeyId);
    if (key === undefined) return failure('NotFoundException', `Key '${body.KeyId}' not found`);
    const target = request.headers['x-amz-target'];
    if (target === 'TrentService.Encrypt')
      return encrypt(key, { ...body, KeyId: this.answersAs ?? body.KeyId });
    if (target === 'TrentService.Decrypt') return this.#decrypt(key, body);
    return failure('UnknownOperationException', '');
  }

  protected fault(kind: KeyServiceFaultKind): KeyServiceAnswer {
    if (kind === 'failing') return failure('KMSInternalException', 'Internal failure', 500);
    if (kind === 'odd') return failure('ValidationException', 'The request is not valid.');
    if (kind === 'throttled') return failure('ThrottlingException', 'Rate exceeded');
    if (kind === 'key_disabled') return failure('DisabledException', 'The key is disabled.');
    return failure(
      'AccessDeniedException',
      `User ${AWS_CREDENTIALS.AWS_ACCESS_KEY_ID} is not authorized to perform: kms:Decrypt`,
    );
  }

  #decrypt(key: Buffer, body: KmsRequest): KeyServiceAnswer {
    const blob = Buffer.from(body.CiphertextBlob ?? '', 'base64');
    const madeBy = blob.subarray(0, HASH_BYTES);
    const isKnown = [...this.#keys.values()].some((known) => keyHash(known).equals(madeBy));
    if (isKnown && !madeBy.equals(keyHash(key))) return failure('IncorrectKeyException', '');
    try {
      const ivEnd = HASH_BYTES + IV_BYTES;
      const tagStart = blob.length - TAG_BYTES;
      const decipher = createDecipheriv('aes-256-gcm', key, blob.subarray(HASH_BYTES, ivEnd), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(contextBytes(body)).setAuthTag(blob.subarray(tagStart));
      const plaintext = [decipher.update(blob.subarray(ivEnd, tagStart)), decipher.final()];
      return success({
        KeyId: this.answersAs ?? body.KeyId,
        Plaintext: Buffer.concat(plaintext).toString('base64'),
      });
    } catch {
      return failure('InvalidCiphertextException', '');
    }
  }
}

function encrypt(key: Buffer, body: KmsRequest): KeyServiceAnswer {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  cipher.setAAD(contextBytes(body));
  const ciphertext = cipher.update(Buffer.from(body.Plaintext ?? '', 'base64'));
  cipher.final();
  const blob = Buffer.concat([keyHash(key), iv, ciphertext, cipher.getAuthTag()]);
  return success({ KeyId: body.KeyId, CiphertextBlob: blob.toString('base64') });
}

function contextBytes({ EncryptionContext: context = {} }: KmsRequest): Buffer {
  return Buffer.from(JSON.stringify(Object.entries(context).sort()));
}

function keyHash(key: Buffer): Buffer {
  return createHash('sha256').update(key).digest().subarray(0, HASH_BYTES);
}

function success(body: object): KeyServiceAnswer {
  const withAlgorithm = { ...body, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' };
  return { status: 200, headers: HEADERS, body: JSON.stringify(withAlgorithm) };
}

function failure(type: string, message: string, status = 400): KeyServiceAnswer {
  return { status, headers: HEADERS, body: JSON.stringify({ __type: type, message }) };
}

const HEADERS = { 'Content-Type': 'application/x-amz-json-1.1', 'x-amzn-RequestId': 'loopback' };
