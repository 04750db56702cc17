import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { promisify } from 'node:util';
import type { JournalFileKey } from '../crypto';
import { bytesIn } from './journal-record';

const fdatasyncOf = promisify(fdatasync);

/** Written and taken back by {@link OwnFile.probe}; zeros at the end are read as a write that did not end. */
const PROBE = Buffer.alloc(4096);

/** Less is copied together sooner than it is written piece by piece. */
const COPIED_BELOW_BYTES = 64 * 1024;

/** Where a record stands in its file. */
export interface Extent {
  readonly start: number;
  readonly length: number;
}

/** A journal file that this server writes. Every error is that of the operating system. */
export class OwnFile {
  /** Entries that are not acknowledged. */
  readonly unsettled = new Map<number, Extent>();
  /** A sync failed: what is unsettled here may not be on disk, whatever a later sync says. */
  isDoubtful = false;
  #size = 0;
  #isDirty = false;
  #syncing = 0;
  #isRemoved = false;

  private constructor(
    readonly path: string,
    readonly key: JournalFileKey,
    private readonly descriptor: number,
  ) {}

  /** Makes the file; it must not be there. */
  static create(path: string, key: JournalFileKey): OwnFile {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
    return new OwnFile(path, key, openSync(path, flags, 0o600));
  }

  get bytes(): number {
    return this.#size;
  }

  /** Whether the last sync covers all that was appended. */
  get isDirty(): boolean {
    return this.#isDirty;
  }

  /** Appends all of it or nothing. @returns where it begins */
  append(pieces: readonly Buffer[]): number {
    const start = this.#size;
    let end = start;
    try {
      for (const piece of worthWriting(pieces)) {
        this.#write(piece, end);
        end += piece.length;
      }
    } catch (error) {
      this.#takeBack(start);
      throw error;
    }
    this.#size = end;
    this.#isDirty = true;
    return start;
  }

  read({ start, length }: Extent): Buffer {
    const bytes = Buffer.alloc(length);
    for (let done = 0; done < length;) {
      const count = readSync(this.descriptor, bytes, done, length - done, start + done);
      if (count === 0) break;
      done += count;
    }
    return bytes;
  }

  /**
   * Whether the file still has its name. It has not when another server took it over, believing this one dead: what was
   * appended before this was asked is in the hands of that server, what is appended afterwards may be in nobody's.
   */
  isInPlace(): boolean {
    try {
      const [here, there] = [fstatSync(this.descriptor), statSync(this.path)];
      return here.ino === there.ino && here.dev === there.dev;
    } catch {
      return false;
    }
  }

  /** Writes and takes back. @throws what a write would fail with */
  probe(): void {
    try {
      this.#write(PROBE, this.#size);
    } finally {
      this.#takeBack(this.#size);
    }
  }

  async sync(): Promise<void> {
    if (this.#isRemoved) return;
    this.#isDirty = false;
    this.#syncing += 1;
    try {
      await fdatasyncOf(this.descriptor);
    } catch (error) {
      this.isDoubtful = true;
      throw error;
    } finally {
      this.#syncing -= 1;
      this.#closeIfRemoved();
    }
  }

  /** Throws away all entries, which are acknowledged. */
  empty(): void {
    ftruncateSync(this.descriptor, 0);
    this.#size = 0;
  }

  /** Closes the file, and deletes it unless something in it is unsettled or another server has it. */
  remove(): void {
    if (this.unsettled.size === 0 && this.isInPlace()) unlinkSync(this.path);
    this.#isRemoved = true;
    this.#closeIfRemoved();
  }

  #closeIfRemoved(): void {
    if (this.#isRemoved && this.#syncing === 0) closeSync(this.descriptor);
  }

  #write(bytes: Buffer, start: number): void {
    for (let done = 0; done < bytes.length;) {
      done += writeSync(this.descriptor, bytes, done, bytes.length - done, start + done);
    }
  }

  /** What remains of a failed write would be read as damage if a shorter record were written over it. */
  #takeBack(size: number): void {
    try {
      ftruncateSync(this.descriptor, size);
    } catch {
      // The next append begins at the same place, and the remains of a write are read as torn.
    }
  }
}

function worthWriting(pieces: readonly Buffer[]): readonly Buffer[] {
  return bytesIn(pieces) < COPIED_BELOW_BYTES ? [Buffer.concat(pieces)] : pieces;
}
