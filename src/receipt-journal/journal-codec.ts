import type { JournalFileKey } from '../crypto';
import { encodeRecord, type JournalRecord, RECORD_KIND } from './journal-record';

/** Entry numbers that fit in one record of acknowledgements. */
const ACKNOWLEDGEMENT_BYTES = 8;

export function sealReceipt(key: JournalFileKey, entry: number, receipt: string): Buffer {
  return sealRecord(key, entry, RECORD_KIND.receipt, Buffer.from(receipt, 'utf8'));
}

/** @param entry number of the record itself */
export function sealAcknowledgements(
  key: JournalFileKey,
  entry: number,
  settled: readonly number[],
): Buffer {
  const bytes = Buffer.alloc(settled.length * ACKNOWLEDGEMENT_BYTES);
  for (const [index, number] of settled.entries()) {
    bytes.writeBigUInt64BE(BigInt(number), index * ACKNOWLEDGEMENT_BYTES);
  }
  return sealRecord(key, entry, RECORD_KIND.acknowledgements, bytes);
}

/** @throws CryptoRefused `malformed` or `auth_failed` */
export function openReceipt(key: JournalFileKey, record: JournalRecord): string {
  return key.open(record.sealed, record).toString('utf8');
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

function sealRecord(key: JournalFileKey, entry: number, kind: number, plaintext: Buffer): Buffer {
  const sealed = key.seal(plaintext, { entry, kind });
  return encodeRecord({ kind, entry, dataKeyId: key.dataKeyId, sealed });
}
