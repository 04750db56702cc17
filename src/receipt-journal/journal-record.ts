import { crc32 } from 'node:zlib';
import { parse, stringify } from 'uuid';

/** Begins every record; where reading goes on after damage. Ciphertext holds it once in 2^64 bytes. */
const MAGIC = Buffer.from('keyrunJ1', 'latin1');

const KIND = MAGIC.length;
const LENGTH = KIND + 1;
const ENTRY = LENGTH + 4;
const DATA_KEY_ID = ENTRY + 8;
const CHECKSUM = DATA_KEY_ID + 16;

/** Bytes before the sealed part. */
export const HEADER_BYTES = CHECKSUM + 4;

/** What a record holds: a receipt, with or without attachment, or the numbers of earlier entries of the file that are settled. */
export const RECORD_KIND = { receipt: 1, acknowledgements: 2, receiptWithAttachment: 3 } as const;

/** One record: magic ‖ kind ‖ length of the sealed part ‖ entry ‖ data key id ‖ CRC-32 of the four ‖ sealed part. */
export interface JournalRecord {
  readonly kind: number;
  /** Counts the entries of one writer. */
  readonly entry: number;
  readonly dataKeyId: string;
  readonly sealed: Buffer;
}

/** What stands at an offset of a file. */
export type Piece =
  | { readonly is: 'record'; readonly start: number; readonly end: number; record: JournalRecord }
  /** Was changed after it was written; the next record begins at its end. */
  | { readonly is: 'damaged'; readonly start: number; readonly end: number }
  /** The write did not come to its end: nobody was told that this receipt is kept. */
  | { readonly is: 'torn'; readonly start: number; readonly end: number };

export function encodeRecord(record: JournalRecord): Buffer {
  const { sealed } = record;
  return Buffer.concat([encodeHeader(record, sealed.length), sealed]);
}

/** @param sealedBytes length of the sealed part, which follows */
export function encodeHeader(
  { kind, entry, dataKeyId }: Omit<JournalRecord, 'sealed'>,
  sealedBytes: number,
): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES);
  MAGIC.copy(bytes);
  bytes.writeUInt8(kind, KIND);
  bytes.writeUInt32BE(sealedBytes, LENGTH);
  bytes.writeBigUInt64BE(BigInt(entry), ENTRY);
  bytes.set(parse(dataKeyId), DATA_KEY_ID);
  bytes.writeUInt32BE(crc32(bytes.subarray(KIND, CHECKSUM)), CHECKSUM);
  return bytes;
}

/** Bytes of all pieces together. */
export function bytesIn(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

/** The file, piece by piece, without a gap. Whether the sealed part of a record is intact only its key can tell. */
export function* readPieces(file: Buffer): Generator<Piece> {
  for (let start = 0; start < file.length;) {
    const piece = pieceAt(file, start);
    yield piece;
    start = piece.end;
  }
}

function pieceAt(file: Buffer, start: number): Piece {
  const rest = file.subarray(start);
  const next = file.indexOf(MAGIC, start + 1);
  const isLast = next === -1;
  const end = isLast ? file.length : next;
  if (isLast && isTorn(rest)) return { is: 'torn', start, end };
  const record = decodeRecord(file.subarray(start, end));
  if (record === null) return { is: 'damaged', start, end };
  return { is: 'record', start, end: start + HEADER_BYTES + record.sealed.length, record };
}

function isTorn(rest: Buffer): boolean {
  // The file system made room, and power failed before the bytes came.
  if (rest.every((byte) => byte === 0)) return true;
  if (hasHeader(rest)) return rest.length < HEADER_BYTES + rest.readUInt32BE(LENGTH);
  const magic = MAGIC.subarray(0, rest.length);
  return rest.length < HEADER_BYTES && rest.subarray(0, magic.length).equals(magic);
}

function hasHeader(rest: Buffer): boolean {
  if (rest.length < HEADER_BYTES) return false;
  if (!rest.subarray(0, MAGIC.length).equals(MAGIC)) return false;
  return crc32(rest.subarray(KIND, CHECKSUM)) === rest.readUInt32BE(CHECKSUM);
}

/** Null if the header is damaged or the record is longer than what is there. */
function decodeRecord(rest: Buffer): JournalRecord | null {
  if (!hasHeader(rest)) return null;
  const end = HEADER_BYTES + rest.readUInt32BE(LENGTH);
  if (end > rest.length) return null;
  try {
    return {
      kind: rest.readUInt8(KIND),
      entry: Number(rest.readBigUInt64BE(ENTRY)),
      dataKeyId: stringify(rest.subarray(DATA_KEY_ID, CHECKSUM)),
      sealed: rest.subarray(HEADER_BYTES, end),
    };
  } catch {
    return null;
  }
}
