import { rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { v7 } from 'uuid';
import { ReceiptJournal } from '../../src/receipt-journal';
import { makeScratchDirectory } from '../support/scratch-directory';
import { TestApp } from '../support/test-app';

describe('the receipt journal of the application', () => {
  let directory: string;
  let app: TestApp;

  beforeAll(async () => {
    directory = await makeScratchDirectory();
    app = await TestApp.start({ variables: settings() });
  });

  afterAll(async () => {
    await app.close();
    await rm(directory, { recursive: true });
  });

  const settings = () => ({ KEYRUN_DATA_DIR: directory, KEYRUN_JOURNAL_MAX_BYTES: '1000000' });
  const journalOf = (node: TestApp) => node.app.get(ReceiptJournal, { strict: false });

  it('is taken over by any node on the same database', async () => {
    const second = await TestApp.start({ variables: settings(), nodeOf: app });
    await journalOf(app).open(v7());
    journalOf(app).append('"a receipt"');
    await journalOf(second).open(v7());
    const found: string[] = [];
    for await (const { receipt, acknowledge } of journalOf(second).adopt(() => false)) {
      found.push(receipt);
      acknowledge();
    }
    expect(found).toEqual(['"a receipt"']);
    expect(() => journalOf(second).append('x'.repeat(1_000_000))).toThrow('is full');
    await second.close();
    expect(journalOf(second).status().writable).toBe(false);
    expect(existsSync(join(directory, 'journal'))).toBe(true);
  });
});
