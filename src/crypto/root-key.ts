import { createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';

import { EXIT_CODE, Secret, StartupError } from '../common';

const ROOT_KEY_BYTES = 32;
const ID_BYTES = 12;
const ID_INFO = 'keyrun/root-key-id/v1';

/** A random key has this few distinct bytes once in 4.5e14. Every key with a period up to 16 has, too. */
const TOO_FEW_DISTINCT_BYTES = 16;

const HEX = /^[0-9A-Fa-f]{64}$/;
const BASE64 = /^[A-Za-z0-9+/]{43}=?$/;
const BASE64URL = /^[A-Za-z0-9_-]{43}=?$/;
const LENGTHS = new Set([43, 44, 64]);

const GENERATE = 'Generate one: openssl rand -base64 32.';
const KEEP = 'Keep a copy outside this machine; without it stored keys are lost.';
const FORM = '64 hex or 43–44 base64 characters';

/** A local root key. Printing it shows no key byte. */
export interface RootKey {
  /** 16 base64url characters, derived from the key: names it in the database and in messages. */
  readonly id: string;
  readonly key: KeyObject;
}

/**
 * Reads one root key: exactly 64 hex characters, or the canonical base64 or base64url text of 32 bytes (43 characters,
 * or 44 with padding). Nothing is trimmed and no passphrase is accepted; a reader of a file removes one final newline.
 * @param text undefined if the setting is absent
 * @param source the variable to name in messages, such as `KEYRUN_ROOT_KEY`
 * @throws StartupError (exit code 78) naming the source and the fix, never the value
 */
export function parseRootKey(text: Secret | undefined, source: string): RootKey {
  if (text === undefined) throw refusal(`${source} is not set. ${GENERATE} ${KEEP}`);
  const characters = text.expose();
  if (characters === '') {
    throw refusal(`${source} is set but empty; it must be ${FORM}. ${GENERATE} ${KEEP}`);
  }
  const bytes = decode(characters);
  if (bytes === null) {
    const got = `${characters.length} characters${LENGTHS.has(characters.length) ? ' that are neither' : ''}`;
    throw refusal(
      `${source} must be ${FORM}; got ${got}. Give the key alone: no quotes, spaces or line breaks. ${GENERATE}`,
    );
  }
  try {
    if (isWeak(bytes)) {
      throw refusal(`${source} looks like a placeholder or passphrase. ${GENERATE} ${KEEP}`);
    }
    return { id: rootKeyId(bytes), key: createSecretKey(bytes) };
  } finally {
    bytes.fill(0);
  }
}

/** A new root key as base64 text (44 characters) that {@link parseRootKey} accepts. */
export function generateRootKey(): Secret {
  let bytes: Buffer;
  do bytes = randomBytes(ROOT_KEY_BYTES);
  while (isWeak(bytes));
  const text = new Secret(bytes.toString('base64'));
  bytes.fill(0);
  return text;
}

function rootKeyId(bytes: Buffer): string {
  return Buffer.from(hkdfSync('sha256', bytes, '', ID_INFO, ID_BYTES)).toString('base64url');
}

function decode(characters: string): Buffer | null {
  if (HEX.test(characters)) return Buffer.from(characters, 'hex');
  const encoding = BASE64.test(characters)
    ? 'base64'
    : BASE64URL.test(characters)
      ? 'base64url'
      : null;
  if (encoding === null) return null;
  const bytes = Buffer.from(characters, encoding);
  // The last character carries two bits that decoding drops; only their zero is canonical.
  const canonical = bytes.toString(encoding).replace('=', '') === characters.replace('=', '');
  return canonical ? bytes : null;
}

function isWeak(bytes: Buffer): boolean {
  return (
    new Set(bytes).size <= TOO_FEW_DISTINCT_BYTES ||
    bytes.every((byte) => byte >= 0x20 && byte <= 0x7e) ||
    isArithmeticSequence(bytes)
  );
}

/** Bytes at one constant distance modulo 256, such as 00 01 02 … */
function isArithmeticSequence(bytes: Buffer): boolean {
  const step = bytes.readUInt8(1) - bytes.readUInt8(0);
  return bytes.every((byte, index) => byte === ((bytes.readUInt8(0) + index * step) & 0xff));
}

function refusal(message: string): StartupError {
  return new StartupError(message, EXIT_CODE.configuration);
}
