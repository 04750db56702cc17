import { toUSVString } from 'node:util';
import type { OnApplicationShutdown } from '@nestjs/common';
import { CryptoRefused, type JournalKeys } from '../crypto';
import type { KeptReceipt } from './adopted-file';
import { GroupSync } from './group-sync';
import { type IsAlive, JournalAdoption } from './journal-adoption';
import { openReceipt, type Receipt, sealAcknowledgements, sealReceipt } from './journal-codec';
import { bytesIn, readPieces } from './journal-record';
import type { JournalStatus } from './journal-status';
import { JournalUnavailable } from './journal-unavailable';
import type { Extent, OwnFile } from './own-file';
import { OwnFiles } from './own-files';
import { Quarantine } from './quarantine';

/** A file that is longer is followed by a new one, so that what is settled can be deleted. */
const FILE_BYTES = 16 * 1024 * 1024;
/** A file whose entries are all acknowledged is emptied when it has grown to this, or to half of a small journal. */
const EMPTY_FROM_BYTES = 1024 * 1024;
/** Acknowledgements that are written together, with the next receipt. */
const ACKNOWLEDGEMENTS = 64;
const MAXIMUM_RECEIPT_BYTES = 128 * 1024 * 1024;

/** Where the journal is and how large it may become. */
export interface ReceiptJournalOptions {
  /** Where the files are, on a disk that outlives the process and its container. */
  readonly directory: string;
  /** What all files that this server holds may take together. */
  readonly maximumBytes: number;
  readonly fileBytes?: number;
}

/**
 * Keeps receipts on this machine until they are settled in the database: encrypted, in append-only files that survive
 * the end of the process, and after {@link sync} the end of the machine. A receipt is text whose meaning it does not
 * know. A receipt may be given again after it was acknowledged, so settling must be idempotent.
 */
export class ReceiptJournal implements OnApplicationShutdown {
  readonly #quarantine: Quarantine;
  readonly #groupSync = new GroupSync(() => this.#opened().sync());
  #files: OwnFiles | null = null;
  #adoption: JournalAdoption | null = null;
  #lastEntry = 0;
  #acknowledged: number[] = [];

  constructor(
    private readonly options: ReceiptJournalOptions,
    private readonly keys: JournalKeys,
  ) {
    this.#quarantine = new Quarantine(options.directory);
  }

  /**
   * Loads the key and begins a file; afterwards the journal needs neither database nor key service. After
   * `not_writable` it is open nevertheless, and {@link append} tries again.
   * @param serverId a UUID that no server had before
   * @throws JournalUnavailable `not_writable`; an error of the database or of the key service passes unchanged
   */
  async open(serverId: string): Promise<void> {
    const { directory } = this.options;
    const files = new OwnFiles(directory, serverId, await this.keys.current());
    this.#files = files;
    this.#adoption = new JournalAdoption(directory, serverId, this.keys, this.#quarantine);
    files.makeDirectory();
    files.begin();
  }

  /**
   * Keeps a receipt. When this returns, the end of this process cannot lose it any more.
   * @param attachment bytes that belong to it, which are given back with it
   * @returns its number, for {@link acknowledge}
   * @throws JournalUnavailable if it is not kept
   * @throws RangeError if it holds a lone surrogate, as nothing does that JSON.stringify made
   */
  append(receipt: string, attachment: Buffer | null = null): number {
    const files = this.#opened();
    if (toUSVString(receipt) !== receipt) throw new RangeError('A receipt is well-formed Unicode.');
    if (Buffer.byteLength(receipt) + (attachment?.length ?? 0) > MAXIMUM_RECEIPT_BYTES) {
      throw new JournalUnavailable('receipt_too_long');
    }
    for (;;) {
      const file = this.#roomyFile(files);
      const entry = (this.#lastEntry += 1);
      this.#write(file, entry, { receipt, attachment });
      if (file.isInPlace()) return entry;
      // Taken over by another server, which may have read the file before this receipt was in it.
      file.unsettled.delete(entry);
      this.#acknowledged = [];
      files.begin();
    }
  }

  /** Resolves when all that was appended before is on disk. Callers at the same time share the work. */
  async sync(): Promise<void> {
    await this.#groupSync.run();
  }

  /** The receipt is settled in the database: the journal may forget it. An unknown number is ignored. */
  acknowledge(entry: number): void {
    const files = this.#files;
    const file = files?.all.find(({ unsettled }) => unsettled.has(entry));
    if (files === null || file === undefined) return;
    file.unsettled.delete(entry);
    if (file !== files.current) {
      files.removeIfSettled(file);
      return;
    }
    this.#acknowledged.push(entry);
    const emptyFromBytes = Math.min(EMPTY_FROM_BYTES, this.options.maximumBytes / 2);
    if (file.unsettled.size > 0 || file.bytes < emptyFromBytes) return;
    file.empty();
    this.#acknowledged = [];
  }

  /**
   * The receipt is refused, and would be at every try: it goes into the quarantine, for a person, and is forgotten here.
   * An unknown number is ignored.
   * @throws an error of the operating system: then it stays, and is left for adoption
   */
  async setAside(entry: number): Promise<void> {
    const file = this.#files?.all.find(({ unsettled }) => unsettled.has(entry));
    const extent = file?.unsettled.get(entry);
    if (file === undefined || extent === undefined) return;
    await this.#quarantine.keepRefused(file.key.fileId, entry, file.read(extent));
    this.acknowledge(entry);
  }

  /** What this server appended and did not acknowledge, in this order. */
  async *unsettled(): AsyncGenerator<KeptReceipt> {
    for (const file of [...this.#opened().all]) {
      for (const [entry, extent] of [...file.unsettled]) {
        if (!file.unsettled.has(entry)) continue;
        const opened = await this.#read(file, extent);
        const acknowledge = () => {
          this.acknowledge(entry);
        };
        if (opened === null) acknowledge();
        else yield { ...opened, acknowledge, setAside: () => this.setAside(entry) };
      }
    }
  }

  /**
   * Takes over the files of dead servers in the same folder and gives the receipts in them; each file goes to one server
   * only, and is deleted when all of it is acknowledged. What is left unacknowledged is given again by the next call, so
   * a consumer may stop at any time. One call at a time.
   * @throws JournalUnavailable if the folder cannot be read; an error of `isAlive` passes unchanged
   */
  async *adopt(isAlive: IsAlive): AsyncGenerator<KeptReceipt> {
    if (this.#adoption === null) throw new JournalUnavailable('not_open');
    yield* this.#adoption.receipts(isAlive, this.#opened().names);
  }

  status(): JournalStatus {
    return {
      writable: this.#isWritable(),
      bytes: this.#bytes(),
      unsettled: (this.#files?.unsettled ?? 0) + (this.#adoption?.unsettled ?? 0),
      quarantined: this.#quarantine.count,
    };
  }

  /** Late: what is under way at the end of the process still appends. What is unsettled is left for adoption. */
  async onApplicationShutdown(): Promise<void> {
    const files = this.#files;
    if (files === null) return;
    this.#flushAcknowledgements(files);
    await this.sync().catch(() => undefined);
    this.#files = null;
    files.close();
  }

  #opened(): OwnFiles {
    if (this.#files === null) throw new JournalUnavailable('not_open');
    return this.#files;
  }

  #bytes(): number {
    return (this.#files?.bytes ?? 0) + (this.#adoption?.bytes ?? 0);
  }

  /** The file that grows; a new one if it is long enough. */
  #roomyFile(files: OwnFiles): OwnFile {
    const { current } = files;
    if (current !== null && current.bytes < (this.options.fileBytes ?? FILE_BYTES)) return current;
    this.#acknowledged = [];
    return files.begin();
  }

  #write(file: OwnFile, entry: number, receipt: Receipt): void {
    const sealed = sealReceipt(file.key, entry, receipt);
    const settled = this.#acknowledged.length < ACKNOWLEDGEMENTS ? [] : this.#sealSettled(file);
    const pieces = [...sealed, ...settled];
    if (this.#bytes() + bytesIn(pieces) > this.options.maximumBytes) {
      throw new JournalUnavailable('full');
    }
    const start = appendTo(file, pieces);
    file.unsettled.set(entry, { start, length: bytesIn(sealed) });
    if (settled.length > 0) this.#acknowledged = [];
  }

  #sealSettled(file: OwnFile): Buffer[] {
    return sealAcknowledgements(file.key, (this.#lastEntry += 1), this.#acknowledged);
  }

  #flushAcknowledgements(files: OwnFiles): void {
    const { current } = files;
    if (current === null || this.#acknowledged.length === 0) return;
    try {
      current.append(this.#sealSettled(current));
    } catch {
      // Whoever adopts the file settles them once more.
    }
  }

  /** The receipt; null if it was damaged on the disk and is put aside. */
  async #read(file: OwnFile, extent: Extent): Promise<Receipt | null> {
    const bytes = file.read(extent);
    const [piece] = readPieces(bytes);
    try {
      if (piece?.is === 'record') return openReceipt(file.key, piece.record);
    } catch (error) {
      if (!(error instanceof CryptoRefused)) throw error;
    }
    await this.#quarantine.keep(file.key.fileId, extent.start, bytes);
    return null;
  }

  #isWritable(): boolean {
    try {
      const files = this.#opened();
      const file = files.current?.isInPlace() === true ? files.current : files.begin();
      file.probe();
      return this.#bytes() + PROBED_BYTES <= this.options.maximumBytes;
    } catch {
      return false;
    }
  }
}

/** Room that must be left for the journal to count as writable. */
const PROBED_BYTES = 4096;

function appendTo(file: OwnFile, pieces: readonly Buffer[]): number {
  try {
    return file.append(pieces);
  } catch (error) {
    throw JournalUnavailable.from(error);
  }
}
