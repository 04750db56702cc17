import { toUSVString } from 'node:util';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { type Content, CryptoRefused } from '../crypto';

/** Of the text in UTF-8: above what any execution stores, and what opening makes of a sealed text at the most. */
export const MAXIMUM_CONTENT_BYTES = 64 * 1024 * 1024;

/** Below it the few bytes that are won are not worth the call. */
const COMPRESSED_FROM_BYTES = 1024;

/** Bits of the form. */
const IS_COMPRESSED = 1;
const IS_UTF_16 = 2;

/** Not in Node before 22.15, which then stores texts uncompressed. */
const HAS_ZSTD = typeof zstdCompressSync === 'function';

/** Level 1. On messages in JSON: 64 KiB in 0.15 ms, 32 MiB in 36 ms; deflate, as small, takes 4 to 8 times as long. */
const ZSTD_OPTIONS = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/**
 * The text as bytes, the same text whatever it holds: what UTF-8 cannot carry (lone surrogates) goes as UTF-16.
 *
 * It is compressed before it is sealed. That is safe where nobody can both choose a part of a text and watch, over many
 * tries, how long it becomes beside a secret in the same text. Here a text is one request or answer of one execution,
 * compressed alone, without a dictionary in common with any other; provider keys and tokens are in none; and lengths
 * are seen only by who reads the database.
 * @throws RangeError if the text is longer than {@link MAXIMUM_CONTENT_BYTES}
 */
export function encodeContent(text: string): Content {
  const isUtf16 = toUSVString(text) !== text;
  const bytes = Buffer.from(text, isUtf16 ? 'utf16le' : 'utf8');
  if (bytes.length > MAXIMUM_CONTENT_BYTES) {
    throw new RangeError(`Content has at most ${MAXIMUM_CONTENT_BYTES} bytes.`);
  }
  const encoding = isUtf16 ? IS_UTF_16 : 0;
  if (bytes.length < COMPRESSED_FROM_BYTES || !HAS_ZSTD) return { bytes, form: encoding };
  const compressed = zstdCompressSync(bytes, ZSTD_OPTIONS);
  if (compressed.length >= bytes.length) return { bytes, form: encoding };
  return { bytes: compressed, form: encoding | IS_COMPRESSED };
}

/** @throws CryptoRefused `malformed`: authentic, but not of {@link encodeContent} */
export function decodeContent({ bytes, form }: Content): string {
  if ((form & ~(IS_COMPRESSED | IS_UTF_16)) !== 0) throw new CryptoRefused('malformed');
  const plain = (form & IS_COMPRESSED) === 0 ? bytes : decompress(bytes);
  return plain.toString((form & IS_UTF_16) === 0 ? 'utf8' : 'utf16le');
}

function decompress(bytes: Buffer): Buffer {
  if (!HAS_ZSTD) throw new Error('compressed content needs Node 22.15 or later');
  try {
    return zstdDecompressSync(bytes, { maxOutputLength: MAXIMUM_CONTENT_BYTES });
  } catch {
    throw new CryptoRefused('malformed');
  }
}
