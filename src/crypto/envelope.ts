import { SEAL_OVERHEAD_BYTES } from './aes-gcm';
import { CryptoRefused } from './crypto.errors';

/** Longest envelope that is read, in characters. */
const MAXIMUM_CHARACTERS = 24_000;

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';

/**
 * POSIX pattern for a CHECK constraint on an envelope column, so that a bug cannot store plaintext. 38 characters
 * are the IV and the tag of an empty secret.
 */
export const ENVELOPE_SQL_PATTERN = `^s1:${UUID}:[A-Za-z0-9_-]{38,}$`;

const ENVELOPE = new RegExp(`^s1:(${UUID}):([A-Za-z0-9_-]{38,})$`);
const PREFIX_CHARACTERS = 's1:'.length + 36 + ':'.length;

/** Longest secret, in UTF-8 bytes, whose envelope can be read again. */
export const MAXIMUM_SECRET_BYTES =
  Math.floor(((MAXIMUM_CHARACTERS - PREFIX_CHARACTERS) * 3) / 4) - SEAL_OVERHEAD_BYTES;

/** The parts of `s1:<data key id>:<base64url(iv ‖ ciphertext ‖ tag)>`. */
export interface Envelope {
  readonly dataKeyId: string;
  readonly sealed: Buffer;
}

export function formatEnvelope({ dataKeyId, sealed }: Envelope): string {
  return `s1:${dataKeyId}:${sealed.toString('base64url')}`;
}

/**
 * Reads exactly what {@link formatEnvelope} writes; there is no other format and no "unprefixed means legacy".
 * @param text a stored column, hence unknown
 * @throws CryptoRefused `malformed`
 */
export function parseEnvelope(text: unknown): Envelope {
  if (typeof text !== 'string' || text.length > MAXIMUM_CHARACTERS) {
    throw new CryptoRefused('malformed');
  }
  const parts = ENVELOPE.exec(text);
  if (parts === null) throw new CryptoRefused('malformed');
  const [, dataKeyId = '', payload = ''] = parts;
  const sealed = Buffer.from(payload, 'base64url');
  // Several base64url texts decode to the same bytes; only the one we write is accepted.
  if (sealed.toString('base64url') !== payload) throw new CryptoRefused('malformed');
  return { dataKeyId, sealed };
}
