import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto';

import { CryptoRefused } from './crypto.errors';

const ALGORITHM = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Always passed: Node up to 24 otherwise accepts tags cut down to 4 bytes (DEP0182). */
const OPTIONS = { authTagLength: TAG_BYTES } as const;

/** Bytes a sealed text is longer than its plaintext: the IV and the tag. */
export const SEAL_OVERHEAD_BYTES = IV_BYTES + TAG_BYTES;

/**
 * AES-256-GCM under a fresh random 96-bit IV, which is made here and cannot be passed in. Safe for 2^32 calls per
 * key (NIST SP 800-38D §8.3).
 * @returns iv[12] ‖ ciphertext ‖ tag[16]
 * @throws RangeError (`ERR_CRYPTO_INVALID_KEYLEN`) if `key` is not 32 bytes
 */
export function seal(key: KeyObject, plaintext: Buffer, associatedData: Buffer): Buffer {
  return Buffer.concat(sealInPieces(key, [plaintext], associatedData));
}

/** The same of several plaintexts as if they were one, in pieces: whoever writes them on needs no copy of the whole. */
export function sealInPieces(
  key: KeyObject,
  plaintexts: readonly Buffer[],
  associatedData: Buffer,
): Buffer[] {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, iv, OPTIONS);
  cipher.setAAD(associatedData);
  const ciphertexts = plaintexts.flatMap(inBlocks).map((block) => cipher.update(block));
  cipher.final();
  return [iv, ...ciphertexts, cipher.getAuthTag()];
}

/** Of what is given to Node at once, since it makes every ciphertext twice. */
const BLOCK_BYTES = 1024 * 1024;

function inBlocks(bytes: Buffer): Buffer[] {
  if (bytes.length <= BLOCK_BYTES) return [bytes];
  const count = Math.ceil(bytes.length / BLOCK_BYTES);
  return Array.from({ length: count }, (_, index) =>
    bytes.subarray(index * BLOCK_BYTES, (index + 1) * BLOCK_BYTES),
  );
}

/**
 * Opens what {@link seal} made. Nothing leaves before the tag is verified; the unverified bytes are zeroed.
 * @returns the plaintext in a buffer of its own, which the caller zeroes after use
 * @throws CryptoRefused `malformed` (shorter than IV and tag) or `auth_failed`
 * @throws RangeError (`ERR_CRYPTO_INVALID_KEYLEN`) if `key` is not 32 bytes
 */
export function open(key: KeyObject, sealed: Buffer, associatedData: Buffer): Buffer {
  if (sealed.length < SEAL_OVERHEAD_BYTES) throw new CryptoRefused('malformed');
  const tagStart = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(0, IV_BYTES), OPTIONS);
  decipher.setAAD(associatedData);
  decipher.setAuthTag(sealed.subarray(tagStart));
  const plaintext = decipher.update(sealed.subarray(IV_BYTES, tagStart));
  try {
    decipher.final();
  } catch {
    plaintext.fill(0);
    throw new CryptoRefused('auth_failed');
  }
  return plaintext;
}
