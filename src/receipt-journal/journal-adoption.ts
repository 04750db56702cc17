import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { JournalKeys } from '../crypto';
import { AdoptedFile, type KeptReceipt } from './adopted-file';
import { fileIdOf, formatFileName, parseFileName } from './journal-file-name';
import { JournalUnavailable, systemCodeOf } from './journal-unavailable';
import type { Quarantine } from './quarantine';

/** Whether the server still works; a server that never was does not. */
export type IsAlive = (serverId: string) => boolean | Promise<boolean>;

/** The files of dead servers, in the hands of this one. */
export class JournalAdoption {
  readonly #files = new Map<string, AdoptedFile>();

  constructor(
    private readonly directory: string,
    private readonly serverId: string,
    private readonly keys: JournalKeys,
    private readonly quarantine: Quarantine,
  ) {}

  get bytes(): number {
    return [...this.#files.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get unsettled(): number {
    return [...this.#files.values()].reduce((sum, { unsettled }) => sum + unsettled, 0);
  }

  /**
   * Takes over every file whose holder is dead and gives what is in it, and what earlier calls left unacknowledged.
   * @param ownNames files that this server writes itself
   */
  async *receipts(isAlive: IsAlive, ownNames: ReadonlySet<string>): AsyncGenerator<KeptReceipt> {
    for (const [name, file] of this.#files) {
      if (file.isSettled) this.#files.delete(name);
    }
    for (const name of this.#fileNames()) {
      if (ownNames.has(name)) continue;
      const held = await this.#hold(name, isAlive);
      if (held !== null) yield* held.receipts();
    }
  }

  /** The file, held by this server; null if it is another's, or none of ours. */
  async #hold(text: string, isAlive: IsAlive): Promise<AdoptedFile | null> {
    const name = parseFileName(text);
    if (name === null) return null;
    if (name.holder === this.serverId) return this.#fileOf(text);
    if (await isAlive(name.holder)) return null;
    const taken = formatFileName({ ...name, holder: this.serverId });
    try {
      renameSync(join(this.directory, text), join(this.directory, taken));
    } catch (error) {
      // Another server was faster.
      if (systemCodeOf(error) === 'ENOENT') return null;
      throw error;
    }
    return this.#fileOf(taken);
  }

  #fileOf(text: string): AdoptedFile | null {
    const name = parseFileName(text);
    if (name === null) return null;
    const path = join(this.directory, text);
    const file =
      this.#files.get(text) ?? new AdoptedFile(path, fileIdOf(name), this.keys, this.quarantine);
    this.#files.set(text, file);
    return file;
  }

  /** In the order in which their writers began them. */
  #fileNames(): string[] {
    try {
      return readdirSync(this.directory).sort();
    } catch (error) {
      throw JournalUnavailable.from(error);
    }
  }
}
