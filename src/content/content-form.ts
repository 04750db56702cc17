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
 * The compressed bytes of a longer text are made in one piece, instead of many and then a copy of them all. Its own have
 * no memory in common with others, as those of a short one have.
 */
const ONE_PIECE_FROM_BYTES = 64 * 1024;

/**
 * A text, or the pieces of one that is too long to be held whole beside its bytes. They are gone through more than once,
 * and no piece ends between the two halves of a surrogate pair.
 */
export type ContentText = string | Iterable<string>;

/**
 * The text as bytes, the same text whatever it holds: what UTF-8 cannot carry (lone surrogates) goes as UTF-16.
 *
 * It is compressed before it is sealed. That is safe where nobody can both choose a part of a text and watch, over many
 * tries, how long it becomes beside a secret in the same text. Here a text is one request or answer of one execution,
 * compressed alone, without a dictionary in common with any other; provider keys and tokens are in none; and lengths
 * are seen only by who reads the database.
 * @throws RangeError if the text is longer than {@link MAXIMUM_CONTENT_BYTES}
 */
export function encodeContent(text: ContentText): Content {
  const pieces = typeof text === 'string' ? [text] : text;
  const { encoding, length } = measure(pieces);
  if (length > MAXIMUM_CONTENT_BYTES) {
    throw new RangeError(`Content has at most ${MAXIMUM_CONTENT_BYTES} bytes.`);
  }
  const bytes = Buffer.allocUnsafe(length);
  let end = 0;
  for (const piece of pieces) end += bytes.write(piece, end, encoding);
  const form = encoding === 'utf8' ? 0 : IS_UTF_16;
  if (bytes.length < COMPRESSED_FROM_BYTES || !HAS_ZSTD) return { bytes, form };
  const compressed = compress(bytes);
  if (compressed.length >= length) return { bytes, form };
  if (length >= ONE_PIECE_FROM_BYTES) giveBack(bytes.buffer);
  return { bytes: compressed, form: form | IS_COMPRESSED };
}

/** @throws CryptoRefused `malformed`: authentic, but not of {@link encodeContent} */
export function decodeContent({ bytes, form }: Content): string {
  if ((form & ~(IS_COMPRESSED | IS_UTF_16)) !== 0) throw new CryptoRefused('malformed');
  const plain = (form & IS_COMPRESSED) === 0 ? bytes : decompress(bytes);
  return plain.toString((form & IS_UTF_16) === 0 ? 'utf8' : 'utf16le');
}

/** The encoding that carries the text, and how many bytes it takes in it. */
function measure(pieces: Iterable<string>): { encoding: 'utf8' | 'utf16le'; length: number } {
  let isWellFormed = true;
  let bytesInUtf8 = 0;
  let bytesInUtf16 = 0;
  for (const piece of pieces) {
    isWellFormed &&= toUSVString(piece) === piece;
    bytesInUtf8 += Buffer.byteLength(piece);
    bytesInUtf16 += 2 * piece.length;
  }
  return isWellFormed
    ? { encoding: 'utf8', length: bytesInUtf8 }
    : { encoding: 'utf16le', length: bytesInUtf16 };
}

/**
 * Frees the memory now. The collector is in no hurry, and what is done with the compressed bytes takes as much again.
 */
function giveBack(memory: ArrayBufferLike & { transfer?: (length: number) => unknown }): void {
  memory.transfer?.(0);
}

function compress(bytes: Buffer): Buffer {
  const { length } = bytes;
  if (length < ONE_PIECE_FROM_BYTES) return zstdCompressSync(bytes, ZSTD_OPTIONS);
  return zstdCompressSync(bytes, { ...ZSTD_OPTIONS, chunkSize: length });
}

function decompress(bytes: Buffer): Buffer {
  if (!HAS_ZSTD) throw new Error('compressed content needs Node 22.15 or later');
  try {
    return zstdDecompressSync(bytes, { maxOutputLength: MAXIMUM_CONTENT_BYTES });
  } catch {
    throw new CryptoRefused('malformed');
  }
}
