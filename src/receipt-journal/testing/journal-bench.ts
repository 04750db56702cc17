import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v7 } from 'uuid';
import {
  DataKeys,
  generateRootKey,
  JournalKeys,
  LocalKeyEncryption,
  parseRootKey,
} from '../../crypto';
import { InMemoryDataKeyStore } from '../../crypto/testing/in-memory-data-key.store';
import type { KeptReceipt } from '../adopted-file';
import { ReceiptJournal, type ReceiptJournalOptions } from '../receipt-journal';

/** Servers with one database and one folder, without the servers. */
export class JournalBench {
  readonly parent = mkdtempSync(join(tmpdir(), 'keyrun-journal-'));
  readonly directory = join(this.parent, 'journal');

  constructor(
    readonly rootKey = generateRootKey(),
    readonly store = new InMemoryDataKeyStore(),
  ) {}

  /** A server that has just begun. */
  async start(
    options: Partial<ReceiptJournalOptions> = {},
    serverId = v7(),
  ): Promise<ReceiptJournal & { serverId: string }> {
    const journal = this.unopened(options);
    await journal.open(serverId);
    return Object.assign(journal, { serverId });
  }

  unopened(options: Partial<ReceiptJournalOptions> = {}): ReceiptJournal {
    const { directory } = this;
    return new ReceiptJournal({ directory, maximumBytes: 2 ** 30, ...options }, this.keys());
  }

  /** Those of a server that has opened no key yet. */
  keys(): JournalKeys {
    const encryption = new LocalKeyEncryption(parseRootKey(this.rootKey, 'KEYRUN_ROOT_KEY'));
    return new JournalKeys(new DataKeys(encryption, this.store));
  }

  /** Names of the files, not of the folders. */
  files(folder = this.directory): string[] {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => name)
      .sort();
  }

  quarantined(): string[] {
    mkdirSync(join(this.directory, 'quarantine'), { recursive: true });
    return this.files(join(this.directory, 'quarantine'));
  }

  /** Changes the one file of the folder, or the given one. */
  edit(change: (bytes: Buffer) => Buffer, name = this.files()[0] ?? ''): void {
    const path = join(this.directory, name);
    writeFileSync(path, change(readFileSync(path)));
  }

  remove(): void {
    rmSync(this.parent, { recursive: true });
  }
}

/** All of them, acknowledged if that is wanted. */
export async function collect(
  receipts: AsyncIterable<KeptReceipt>,
  isAcknowledged = false,
): Promise<string[]> {
  const texts: string[] = [];
  for await (const kept of receipts) {
    texts.push(kept.receipt);
    if (isAcknowledged) kept.acknowledge();
  }
  return texts;
}

export const nobody = (): boolean => false;
