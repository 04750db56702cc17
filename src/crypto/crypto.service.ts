import { createHmac, createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';

import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { v7 } from 'uuid';

import { EXIT_CODE, Secret, StartupError } from '../common';
import { open, seal } from './aes-gcm';
import { CryptoRefused } from './crypto.errors';
import { DataKeyStore, type StoredDataKey } from './data-key.store';
import { DataKeys } from './data-keys';
import { formatEnvelope, MAXIMUM_SECRET_BYTES, parseEnvelope } from './envelope';
import { DATA_KEY_BYTES, type DataKeyContext, KeyEncryption } from './key-encryption.interface';
import { type SealingContext, secretAssociatedData } from './sealing-context';

const TOKEN_KEY_INFO = 'keyrun/access-token/v1';
const TOKEN_KEY_BYTES = 32;

/** Plaintext and context in, envelope text out, and back. */
@Injectable()
export class CryptoService {
  #tokenKey: Promise<KeyObject> | null = null;

  constructor(
    private readonly dataKeys: DataKeys,
    @Inject(KeyEncryption) private readonly keyEncryption: KeyEncryption,
    @Inject(DataKeyStore) private readonly store: DataKeyStore,
  ) {}

  /**
   * Seals a secret under the active data key of its workspace.
   * @param transaction the one that stores the envelope. Without it, a rotation of the data key may come between and
   * leave the envelope unreadable
   * @returns `s1:<data key id>:<base64url>`
   * @throws CryptoRefused `data_key_missing` if the workspace has no data key
   * @throws RangeError if the secret could not be read back: longer than {@link MAXIMUM_SECRET_BYTES}, or a lone
   * surrogate, which UTF-8 cannot carry
   */
  async encryptApiKey(
    plaintext: Secret,
    context: SealingContext,
    transaction?: EntityManager,
  ): Promise<string> {
    const dataKey = await this.dataKeys.active(context.workspaceId, transaction);
    const bytes = encodeSecret(plaintext);
    try {
      const sealed = seal(dataKey.key, bytes, secretAssociatedData(context, dataKey.id));
      return formatEnvelope({ dataKeyId: dataKey.id, sealed });
    } finally {
      bytes.fill(0);
    }
  }

  /**
   * Opens an envelope for exactly the context it was sealed with.
   * @throws CryptoRefused `malformed`, `data_key_missing`, `root_key_unknown` or `auth_failed`
   */
  async decryptApiKey(envelope: string, context: SealingContext): Promise<Secret> {
    const { dataKeyId, sealed } = parseEnvelope(envelope);
    const dataKey = await this.dataKeys.byId(context.workspaceId, dataKeyId);
    const bytes = open(dataKey.key, sealed, secretAssociatedData(context, dataKeyId));
    const plaintext = new Secret(bytes.toString('utf8'));
    bytes.fill(0);
    return plaintext;
  }

  /**
   * The digest under which an access token is stored and looked up: HMAC-SHA256, 32 bytes. Its key derives from the
   * server's own data key, so a token cannot be planted by writing to the database. Equal on all nodes and for as
   * long as that data key lives: re-wrapping it under another root key changes no digest, replacing it changes all.
   */
  async digestToken(token: string): Promise<Buffer> {
    this.#tokenKey ??= this.#deriveTokenKey();
    const key = await this.#tokenKey;
    return createHmac('sha256', key).update(token, 'utf8').digest();
  }

  /**
   * Proves at boot that this server can open what the database holds: every root key in use is configured, the
   * active one opens what it wraps and nothing else, and the server's own data key opens. On an empty database it
   * makes that data key.
   * @throws StartupError (exit code 78) naming ids, counts and the fix, never a key. An error of the store or of a key
   * service passes unchanged
   */
  async verifyRootKey(): Promise<void> {
    await this.#refuseUnknownRootKeys();
    await this.#proveActiveRootKey();
    const canary = await this.store.findActive(null);
    if (canary === null) await this.dataKeys.create(null);
    else await this.#openCanary(canary);
  }

  async #deriveTokenKey(): Promise<KeyObject> {
    try {
      const { key } = await this.dataKeys.system();
      const bytes = Buffer.from(hkdfSync('sha256', key, '', TOKEN_KEY_INFO, TOKEN_KEY_BYTES));
      const derived = createSecretKey(bytes);
      bytes.fill(0);
      return derived;
    } catch (error) {
      this.#tokenKey = null;
      throw error;
    }
  }

  async #refuseUnknownRootKeys(): Promise<void> {
    const configured = new Set(this.keyEncryption.keyIds);
    const missing = (await this.store.listRootKeyIds()).filter(
      ({ rootKeyId }) => !configured.has(rootKeyId),
    );
    if (missing.length === 0) return;
    const needed = missing.map(({ rootKeyId, dataKeys }) => `${rootKeyId} (${dataKeys} data keys)`);
    throw new StartupError(
      `The database needs root keys that are not configured: ${needed.join(', ')}. ` +
        `Configured: ${[...configured].join(', ')}. ` +
        'Set the missing key as KEYRUN_ROOT_KEY or add it to KEYRUN_PREVIOUS_ROOT_KEYS; a server that generated its ' +
        'own keeps it in the file root-key of its data directory. For a key of AWS KMS or Vault, set KEYRUN_KMS_AWS_KEY_ID ' +
        'or KEYRUN_KMS_VAULT_KEY again.',
      EXIT_CODE.configuration,
    );
  }

  /** A key service that ignores the context would open the data key of one workspace for another. */
  async #proveActiveRootKey(): Promise<void> {
    const context = { workspaceId: null, dataKeyId: v7() };
    const sample = randomBytes(DATA_KEY_BYTES);
    const wrapped = await this.keyEncryption.wrap(sample, context);
    const opened = await this.#unwrapOrNull(wrapped, context);
    const moved = await this.#unwrapOrNull(wrapped, { ...context, dataKeyId: v7() });
    if (opened?.equals(sample) === true && moved === null) return;
    throw new StartupError(
      `Root key ${this.keyEncryption.activeKeyId} ${moved === null ? 'does not open what it wraps' : 'opens data keys that were moved to another place'}. ` +
        'A Vault key must be made with derived=true.',
      EXIT_CODE.configuration,
    );
  }

  async #unwrapOrNull(wrapped: string, context: DataKeyContext): Promise<Buffer | null> {
    try {
      return await this.keyEncryption.unwrap(wrapped, context);
    } catch (error) {
      if (error instanceof CryptoRefused) return null;
      throw error;
    }
  }

  async #openCanary({ id, wrapped, rootKeyId }: StoredDataKey): Promise<void> {
    try {
      const bytes = await this.keyEncryption.unwrap(wrapped, { workspaceId: null, dataKeyId: id });
      bytes.fill(0);
    } catch (error) {
      if (!(error instanceof CryptoRefused)) throw error;
      throw new StartupError(
        `Root key ${rootKeyId} is present but its canary failed: database corrupted or row edited. ` +
          "Restore the server's own data key (the one without a workspace) from a backup.",
        EXIT_CODE.configuration,
        { cause: error },
      );
    }
  }
}

function encodeSecret(plaintext: Secret): Buffer {
  const text = plaintext.expose();
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length > MAXIMUM_SECRET_BYTES) {
    bytes.fill(0);
    throw new RangeError(`A secret has at most ${MAXIMUM_SECRET_BYTES} bytes.`);
  }
  if (bytes.toString('utf8') !== text) {
    bytes.fill(0);
    throw new RangeError('A secret is well-formed Unicode text.');
  }
  return bytes;
}
