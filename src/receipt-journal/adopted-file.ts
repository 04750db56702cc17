import { unlinkSync } from 'node:fs';
import { readFile, truncate } from 'node:fs/promises';
import { CryptoRefused, type JournalFileKey, type JournalKeys } from '../crypto';
import { openAcknowledgements, openReceipt, type Receipt } from './journal-codec';
import {
  encodeRecord,
  type JournalRecord,
  type Piece,
  readPieces,
  RECORD_KIND,
} from './journal-record';
import type { Quarantine } from './quarantine';

/** A receipt that is in the journal and not yet acknowledged. */
export interface KeptReceipt extends Receipt {
  /** It is settled in the database: the journal may forget it. */
  acknowledge(): void;
  /**
   * It is refused, and would be at every try: the journal puts it into its quarantine, for a person, and forgets it.
   * @throws an error of the operating system: then it stays and is given again
   */
  setAside(): Promise<void>;
}

interface Located {
  readonly record: JournalRecord;
  readonly key: JournalFileKey;
}

/** A journal file that another server wrote and this one settles. */
export class AdoptedFile {
  /** Null until the file was read once. */
  #unsettled: Set<number> | null = null;
  #bytes = 0;

  constructor(
    private readonly path: string,
    private readonly fileId: string,
    private readonly keys: JournalKeys,
    private readonly quarantine: Quarantine,
  ) {}

  get bytes(): number {
    return this.#bytes;
  }

  get unsettled(): number {
    return this.#unsettled?.size ?? 0;
  }

  get isSettled(): boolean {
    return this.#unsettled?.size === 0;
  }

  /** The receipts that are not acknowledged, in the order in which they were appended. */
  async *receipts(): AsyncGenerator<KeptReceipt> {
    const located = await this.#read();
    const unsettled = (this.#unsettled ??= new Set(located.keys()));
    for (const [entry, { key, record }] of located) {
      if (!unsettled.has(entry)) continue;
      const opened = openReceipt(key, record);
      const acknowledge = () => {
        if (unsettled.delete(entry)) this.#deleteIfSettled();
      };
      const setAside = async () => {
        await this.quarantine.keepRefused(this.fileId, entry, encodeRecord(record));
        acknowledge();
      };
      yield { ...opened, acknowledge, setAside };
    }
    this.#deleteIfSettled();
  }

  #deleteIfSettled(): void {
    if (!this.isSettled) return;
    try {
      unlinkSync(this.path);
    } catch {
      // The next adoption finds it and tries again.
    }
    this.#bytes = 0;
  }

  /** What the file holds, but for what its writer acknowledged; damage is put aside, a torn end is cut off. */
  async #read(): Promise<Map<number, Located>> {
    const file = await readFile(this.path);
    this.#bytes = file.length;
    const keysOfFile = new Map<string, JournalFileKey>();
    const located = new Map<number, Located>();
    const settled: number[] = [];
    for (const piece of readPieces(file)) {
      if (piece.is === 'torn') await truncate(this.path, piece.start);
      if (piece.is === 'record') {
        const { record } = piece;
        const key = await this.#verify(record, keysOfFile);
        if (key !== null && record.kind !== RECORD_KIND.acknowledgements) {
          located.set(record.entry, { record, key });
          continue;
        }
        if (key !== null) {
          settled.push(...openAcknowledgements(key, record));
          continue;
        }
      }
      if (piece.is !== 'torn') await this.#putAside(piece, file);
    }
    for (const entry of settled) located.delete(entry);
    return located;
  }

  /** Damage that an earlier reading of this file put aside is not reported again. */
  async #putAside({ start, end }: Piece, file: Buffer): Promise<void> {
    if (this.#unsettled !== null) return;
    await this.quarantine.keep(this.fileId, start, file.subarray(start, end));
  }

  /** The key that opens the record; null if none does. */
  async #verify(
    record: JournalRecord,
    keysOfFile: Map<string, JournalFileKey>,
  ): Promise<JournalFileKey | null> {
    try {
      const key =
        keysOfFile.get(record.dataKeyId) ??
        (await this.keys.byId(record.dataKeyId)).ofFile(this.fileId);
      keysOfFile.set(record.dataKeyId, key);
      key.open(record.sealed, record);
      return key;
    } catch (error) {
      if (error instanceof CryptoRefused && error.code !== 'root_key_unknown') return null;
      throw error;
    }
  }
}
