import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import {
  type KeyServiceAnswer,
  type KeyServiceFaultKind,
  LoopbackKeyService,
} from './loopback-key-service';

const IV_BYTES = 12;
const TAG_BYTES = 16;

interface TransitKey {
  readonly isDerived: boolean;
  readonly versions: Buffer[];
}

interface TransitRequest {
  readonly plaintext?: string;
  readonly ciphertext?: string;
  readonly context?: string;
}

/** The Transit engine of Vault and OpenBao: aes256-gcm96 keys, derived or not, with versions. */
export class VaultServer extends LoopbackKeyService {
  token = 'hvs.CAESILOOPBACKTOKEN';
  readonly mount = 'transit';
  readonly #keys = new Map<string, TransitKey>();

  addKey(name: string, { isDerived = true } = {}): string {
    this.#keys.set(name, { isDerived, versions: [randomBytes(32)] });
    return name;
  }

  /** As `vault write -f transit/keys/<name>/rotate`: old ciphertexts still open. */
  rotateKey(name: string): void {
    this.#keys.get(name)?.versions.push(randomBytes(32));
  }

  protected answer(request: IncomingMessage, body: TransitRequest): KeyServiceAnswer {
    if (request.headers['x-vault-token'] !== this.token) return this.fault('denied');
    const [, , mount, operation, name = ''] = (request.url ?? '').split('/');
    if (mount !== this.mount) {
      return failure(404, `no handler for route "${mount ?? ''}". route entry not found.`);
    }
    const key = this.#keys.get(name);
    if (key === undefined) return failure(400, 'encryption key not found');
    if (key.isDerived && body.context === undefined) {
      return failure(400, "missing 'context' for key derivation; the key was created using …");
    }
    return operation === 'encrypt' ? encrypt(key, body) : decrypt(key, body);
  }

  protected fault(kind: KeyServiceFaultKind): KeyServiceAnswer {
    if (kind === 'failing') return failure(503, 'Vault is sealed');
    if (kind === 'odd') return { status: 307, headers: { Location: this.url }, body: '' };
    if (kind === 'throttled') return failure(429, 'rate limit quota exceeded');
    if (kind === 'key_disabled') {
      return failure(400, 'ciphertext or signature version is disallowed by policy (too old)');
    }
    return failure(403, `1 error occurred:\n\t* permission denied for ${this.token}\n\n`);
  }
}

function encrypt(key: TransitKey, { plaintext = '', context }: TransitRequest): KeyServiceAnswer {
  const version = key.versions.length;
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', keyFor(key, version, context), iv);
  const ciphertext = cipher.update(Buffer.from(plaintext, 'base64'));
  cipher.final();
  const sealed = Buffer.concat([iv, ciphertext, cipher.getAuthTag()]).toString('base64');
  return success({ ciphertext: `vault:v${version}:${sealed}`, key_version: version });
}

function decrypt(key: TransitKey, { ciphertext = '', context }: TransitRequest): KeyServiceAnswer {
  const [, number, base64 = ''] = /^vault:v(\d+):(.*)$/.exec(ciphertext) ?? [];
  if (number === undefined) return failure(400, 'invalid ciphertext: no prefix');
  const version = Number(number);
  if (version > key.versions.length) {
    return failure(400, 'invalid ciphertext: version is too new');
  }
  const sealed = Buffer.from(base64, 'base64');
  if (sealed.length < IV_BYTES + TAG_BYTES) {
    return failure(400, 'invalid ciphertext: unable to decrypt');
  }
  try {
    const tagStart = sealed.length - TAG_BYTES;
    const derived = keyFor(key, version, context);
    const decipher = createDecipheriv('aes-256-gcm', derived, sealed.subarray(0, IV_BYTES), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAuthTag(sealed.subarray(tagStart));
    const plaintext = [decipher.update(sealed.subarray(IV_BYTES, tagStart)), decipher.final()];
    return success({ plaintext: Buffer.concat(plaintext).toString('base64') });
  } catch {
    return failure(400, 'cipher: message authentication failed');
  }
}

/** A key that is not derived ignores the context, as the real one does. */
function keyFor(key: TransitKey, version: number, context: string | undefined): Buffer {
  const secret = key.versions[version - 1]!;
  if (!key.isDerived) return secret;
  const info = Buffer.from(context ?? '', 'base64');
  return Buffer.from(hkdfSync('sha256', secret, '', info, 32));
}

function success(data: object): KeyServiceAnswer {
  const body = { request_id: 'loopback', lease_id: '', renewable: false, data };
  return { status: 200, headers: HEADERS, body: JSON.stringify(body) };
}

function failure(status: number, message: string): KeyServiceAnswer {
  return { status, headers: HEADERS, body: JSON.stringify({ errors: [message] }) };
}

const HEADERS = { 'Content-Type': 'application/json' };
