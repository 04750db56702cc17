import { rm } from 'node:fs/promises';
import { v7 as uuidv7 } from 'uuid';
import { settlementRow } from '../../src/executions/ledger/ledger-rows';
import { Settlements } from '../../src/executions/ledger/settlements';
import { JournalAdoption } from '../../src/executions/lifecycle/journal-adoption';
import { ReceiptJournal } from '../../src/receipt-journal';
import { COMPLETED, OUTCOME } from '../support/ledger-bench';
import { makeScratchDirectory } from '../support/scratch-directory';
import { TestApp } from '../support/test-app';

describe('a receipt that the ledger refuses', () => {
  let directory: string;
  let app: TestApp;

  beforeAll(async () => {
    directory = await makeScratchDirectory();
    app = await TestApp.start({ variables: { KEYRUN_DATA_DIR: directory } });
  });

  afterAll(async () => {
    await app.close();
    await rm(directory, { recursive: true });
  });

  const journalOf = (node: TestApp) => node.app.get(ReceiptJournal, { strict: false });
  const key = () => ({
    ...{ executionId: uuidv7(), workspaceId: uuidv7() },
    ...{ attemptNumber: 1, fence: 1 },
  });
  /** Not a date, so the statement fails whatever there is to settle. */
  const refused = () => ({ ...settlementRow(key(), COMPLETED), completed_at: 'not a date' });

  it('is in the journal and keeps no later one from the ledger', async () => {
    const settlements = app.app.get(Settlements, { strict: false });
    const tooLong = { ...OUTCOME, latencyMs: 2 ** 40 };
    const recorded = await settlements.record(key(), { ...COMPLETED, outcome: tooLong });
    expect(recorded).toEqual({ isJournaled: true });
    await settlements.replay();
    expect(settlements.missedCount).toBe(0);
    expect(journalOf(app).status().unsettled).toBe(1);
  });

  it('of a dead server is kept, and the others are settled', async () => {
    const variables = { KEYRUN_DATA_DIR: directory };
    const second = await TestApp.start({ variables, nodeOf: app });
    await journalOf(app).open(uuidv7());
    journalOf(app).append(JSON.stringify(refused()));
    journalOf(app).append(JSON.stringify(settlementRow(key(), COMPLETED)));
    const adoption = second.app.get(JournalAdoption, { strict: false });
    await adoption.adopt();
    expect(journalOf(second).status().unsettled).toBe(1);
    await adoption.adopt();
    expect(journalOf(second).status().unsettled).toBe(1);
    await second.close();
  });
});
