import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

const PREFIX = 'kr_pat_';
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** 30 base-62 characters hold 178 bits. */
const RANDOM_LENGTH = 30;
const CHECKSUM_LENGTH = 6;
/** The largest multiple of 62 in a byte: values above it would favour the first characters. */
const UNBIASED_LIMIT = 248;

/** The published pattern of a token, for secret scanners. */
export const ACCESS_TOKEN_PATTERN = /^kr_pat_[0-9A-Za-z]{36}$/;

/** A new token: prefix, 178 random bits, CRC-32 of both in base 62. */
export function generateAccessToken(): string {
  const random = randomCharacters(RANDOM_LENGTH);
  return `${PREFIX}${random}${checksum(random)}`;
}

/** Whether the text can be a token of ours at all. A typo is refused here, without a database query. */
export function isAccessToken(text: string): boolean {
  if (!ACCESS_TOKEN_PATTERN.test(text)) return false;
  const random = text.slice(PREFIX.length, PREFIX.length + RANDOM_LENGTH);
  return text.endsWith(checksum(random));
}

function randomCharacters(length: number): string {
  let characters = '';
  while (characters.length < length) {
    for (const byte of randomBytes(length)) {
      if (byte < UNBIASED_LIMIT && characters.length < length) {
        characters += ALPHABET.charAt(byte % ALPHABET.length);
      }
    }
  }
  return characters;
}

function checksum(random: string): string {
  let rest = crc32(`${PREFIX}${random}`);
  let digits = '';
  for (let position = 0; position < CHECKSUM_LENGTH; position += 1) {
    digits = ALPHABET.charAt(rest % ALPHABET.length) + digits;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return digits;
}
