import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { JournalKey } from '../crypto';
import { fileIdOf, formatFileName } from './journal-file-name';
import { JournalUnavailable, systemCodeOf } from './journal-unavailable';
import { OwnFile } from './own-file';

const DIRECTORY_MODE = 0o700;

/** The files that this server writes: one that grows, and full ones in which something is unsettled. */
export class OwnFiles {
  /** The last one grows. */
  readonly #files: OwnFile[] = [];
  #lastNumber = 0;
  #hasNewFile = false;

  constructor(
    private readonly directory: string,
    private readonly serverId: string,
    private readonly key: JournalKey,
  ) {}

  get current(): OwnFile | null {
    return this.#files.at(-1) ?? null;
  }

  get all(): readonly OwnFile[] {
    return this.#files;
  }

  get names(): ReadonlySet<string> {
    return new Set(this.#files.map(({ path }) => basename(path)));
  }

  get bytes(): number {
    return this.#files.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get unsettled(): number {
    return this.#files.reduce((sum, { unsettled }) => sum + unsettled.size, 0);
  }

  /**
   * Makes the folder, for this user alone. Only at the start: a folder that is gone later may be a volume that was
   * taken away, and what is written in its place would be lost.
   */
  makeDirectory(): void {
    try {
      mkdirSync(this.directory, { mode: DIRECTORY_MODE });
    } catch (error) {
      if (systemCodeOf(error) !== 'EEXIST') throw JournalUnavailable.from(error);
      const isOpen = (statSync(this.directory).mode & 0o077) !== 0;
      if (isOpen) chmodSync(this.directory, DIRECTORY_MODE);
    }
  }

  /** Begins a new file, which grows from now on. @throws JournalUnavailable `not_writable` */
  begin(): OwnFile {
    this.#lastNumber += 1;
    const { serverId } = this;
    const name = { writer: serverId, number: this.#lastNumber, holder: serverId };
    const path = join(this.directory, formatFileName(name));
    try {
      const file = OwnFile.create(path, this.key.ofFile(fileIdOf(name)));
      const former = this.current;
      this.#files.push(file);
      this.#hasNewFile = true;
      if (former !== null) this.removeIfSettled(former);
      return file;
    } catch (error) {
      throw JournalUnavailable.from(error);
    }
  }

  /** Removes a full file in which nothing is unsettled. */
  removeIfSettled(file: OwnFile): void {
    if (file === this.current || file.unsettled.size > 0) return;
    this.#files.splice(this.#files.indexOf(file), 1);
    file.remove();
  }

  /** @throws JournalUnavailable if something that is unsettled may not be on disk */
  async sync(): Promise<void> {
    const dirty = this.#files.filter(({ isDirty }) => isDirty);
    try {
      await this.#syncNames();
      await Promise.all(dirty.map((file) => file.sync()));
    } catch (error) {
      // The system may believe the pages written; a new file has no such past.
      if (this.current?.isDoubtful === true) this.begin();
      throw JournalUnavailable.from(error);
    }
    const isLost = this.#files.some((file) => file.isDoubtful && file.unsettled.size > 0);
    if (isLost) throw new JournalUnavailable('not_writable');
  }

  /** A file whose name is not on disk is lost with the machine. */
  async #syncNames(): Promise<void> {
    if (!this.#hasNewFile) return;
    this.#hasNewFile = false;
    try {
      await syncDirectory(this.directory);
    } catch (error) {
      this.#hasNewFile = true;
      throw error;
    }
  }

  /** Deletes what is settled and leaves the rest for another server to adopt. */
  close(): void {
    for (const file of this.#files.splice(0)) file.remove();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
