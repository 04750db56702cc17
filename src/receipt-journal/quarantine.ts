import { readdirSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';

/** Where damaged pieces of journal files are kept for people to look at. */
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
   * Copies a piece aside, durably, and says so in the log.
   * @throws an error of the operating system: then the piece must stay where it is
   */
  async keep(fileId: string, start: number, piece: Buffer): Promise<void> {
    await mkdir(this.#directory, { mode: 0o700, recursive: true });
    const path = join(this.#directory, `${fileId}.${start}.record`);
    const file = await open(path, 'w', 0o600);
    try {
      await file.writeFile(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    this.#logger.error(
      `a damaged piece of the receipt journal (${piece.length} bytes) was put aside: ${path}. ` +
        'It may have been the answer of a paid call; what is undamaged is settled.',
    );
  }
}
