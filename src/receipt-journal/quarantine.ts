import { readdirSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';

/** Where pieces of journal files are kept for people to look at: damaged ones, and receipts that are refused. */
export class Quarantine {
  readonly #directory: string;
  readonly #logger = new Logger('ReceiptJournal');

  constructor(journalDirectory: string) {
    this.#directory = join(journalDirectory, 'quarantine');
  }

  /** Pieces that lie there. Whoever has dealt with one deletes its file. */
  get count(): number {
    try {
      return readdirSync(this.#directory).length;
    } catch {
      return 0;
    }
  }

  /**
   * Copies a damaged piece aside, durably, and says so in the log.
   * @throws an error of the operating system: then the piece must stay where it is
   */
  async keep(fileId: string, start: number, piece: Buffer): Promise<void> {
    const path = await this.#store(`${fileId}.${start}.record`, piece);
    this.#logger.error(
      `a damaged piece of the receipt journal (${piece.length} bytes) was put aside: ${path}. ` +
        'It may have been the answer of a paid call; what is undamaged is settled.',
    );
  }

  /**
   * The same for a whole record of a receipt that is refused. Its name does not depend on where it stood, so that one
   * that is refused again after it was moved back is put where it was.
   * @throws an error of the operating system: then the record must stay where it is
   */
  async keepRefused(fileId: string, entry: number, record: Buffer): Promise<void> {
    const path = await this.#store(`${fileId}.${entry}.refused`, record);
    this.#logger.error(
      `a receipt that the database refuses was put aside: ${path}. ` +
        'It is intact and tells of a call that may have been paid.',
    );
  }

  async #store(name: string, piece: Buffer): Promise<string> {
    await mkdir(this.#directory, { mode: 0o700, recursive: true });
    const path = join(this.#directory, name);
    const file = await open(path, 'w', 0o600);
    try {
      await file.writeFile(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    return path;
  }
}
