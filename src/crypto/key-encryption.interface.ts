/** Bytes of every data key (AES-256). */
export const DATA_KEY_BYTES = 32;

/** POSIX pattern for a CHECK constraint on the column of wrapped data keys: `w1:<scheme>:<root key id>:…`. */
export const WRAPPED_DATA_KEY_SQL_PATTERN = '^w1:[a-z]+:[A-Za-z0-9_-]{16}:.';

/** What a wrapped data key is bound to. */
export interface DataKeyContext {
  /** A workspace's UUID, or null: the server's own data key. */
  readonly workspaceId: string | null;
  readonly dataKeyId: string;
}

/**
 * Wraps data keys under a root key: local, AWS KMS, Vault. Which root key opens a wrapped data key is looked up among
 * the configured ones by the id in the text; an implementation tries exactly that one and never an address or ARN
 * taken from the text.
 */
export interface KeyEncryption {
  /** Id (16 base64url characters) of the root key that wraps new data keys. */
  readonly activeKeyId: string;

  /** Ids of all configured root keys, the active one first; the others only unwrap. */
  readonly keyIds: readonly string[];

  /**
   * @param dataKey {@link DATA_KEY_BYTES} bytes; stays the caller's, who zeroes it
   * @returns `w1:<scheme>:<root key id>:<payload>`
   * @throws RangeError if `dataKey` has another length
   */
  wrap(dataKey: Buffer, context: DataKeyContext): Promise<string>;

  /**
   * @returns the data key in a buffer of its own, which the caller zeroes
   * @throws CryptoRefused `malformed`, `root_key_unknown` or `auth_failed`. Any other error means that the key service
   * could not be asked, and says nothing about the text
   */
  unwrap(wrapped: string, context: DataKeyContext): Promise<Buffer>;
}

export const KeyEncryption = Symbol('KeyEncryption');
