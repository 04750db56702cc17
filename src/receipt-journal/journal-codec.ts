import type { JournalFileKey } from '../crypto';
import { bytesIn, encodeHeader, type JournalRecord, RECORD_KIND } from './journal-record';

/** An entry number in a record of acknowledgements. */
const ACKNOWLEDGEMENT_BYTES = 8;
/** Before the text of a receipt that has an attachment: where the text ends. */
const TEXT_LENGTH_BYTES = 4;

/** What is kept of one receipt. */
export interface Receipt {
  readonly receipt: string;
  /** Bytes that belong to it. */
  readonly attachment: Buffer | null;
}

/** @returns the record, in pieces */
export function sealReceipt(
  key: JournalFileKey,
  entry: number,
  { receipt, attachment }: Receipt,
): Buffer[] {
  const text = Buffer.from(receipt, 'utf8');
  if (attachment === null) return sealRecord(key, entry, RECORD_KIND.receipt, [text]);
  const length = Buffer.alloc(TEXT_LENGTH_BYTES);
  length.writeUInt32BE(text.length);
  return sealRecord(key, entry, RECORD_KIND.receiptWithAttachment, [length, text, attachment]);
}

/**
 * @param entry number of the record itself
 * @returns the record, in pieces
 */
export function sealAcknowledgements(
  key: JournalFileKey,
  entry: number,
  settled: readonly number[],
): Buffer[] {
  const bytes = Buffer.alloc(settled.length * ACKNOWLEDGEMENT_BYTES);
  for (const [index, number] of settled.entries()) {
    bytes.writeBigUInt64BE(BigInt(number), index * ACKNOWLEDGEMENT_BYTES);
  }
  return sealRecord(key, entry, RECORD_KIND.acknowledgements, [bytes]);
}

/** @throws CryptoRefused `malformed` or `auth_failed` */
export function openReceipt(key: JournalFileKey, record: JournalRecord): Receipt {
  const bytes = key.open(record.sealed, record);
  if (record.kind === RECORD_KIND.receipt) {
    return { receipt: bytes.toString('utf8'), attachment: null };
  }
  const end = TEXT_LENGTH_BYTES + bytes.readUInt32BE();
  return {
    receipt: bytes.toString('utf8', TEXT_LENGTH_BYTES, end),
    attachment: bytes.subarray(end),
  };
}

/** @throws CryptoRefused `malformed` or `auth_failed` */
export function openAcknowledgements(key: JournalFileKey, record: JournalRecord): number[] {
  const bytes = key.open(record.sealed, record);
  const settled: number[] = [];
  for (let at = 0; at < bytes.length; at += ACKNOWLEDGEMENT_BYTES) {
    settled.push(Number(bytes.readBigUInt64BE(at)));
  }
  return settled;
}

function sealRecord(
  key: JournalFileKey,
  entry: number,
  kind: number,
  plaintexts: readonly Buffer[],
): Buffer[] {
  const sealed = key.seal(plaintexts, { entry, kind });
  return [encodeHeader({ kind, entry, dataKeyId: key.dataKeyId }, bytesIn(sealed)), ...sealed];
}
