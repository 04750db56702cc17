import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
  const nodes: TestApp[] = [];

  beforeAll(async () => {
    directory = await makeScratchDirectory();
    app = await TestApp.start({ variables: { KEYRUN_DATA_DIR: directory } });
  });

  afterAll(async () => {
    await app.close();
    await rm(directory, { recursive: true });
  });

  afterEach(async () => {
    for (const node of nodes.splice(0)) await node.close();
    await rm(quarantine(), { recursive: true, force: true });
  });

  const journalOf = (node: TestApp) => node.app.get(ReceiptJournal, { strict: false });
  const key = () => ({
    ...{ executionId: uuidv7(), workspaceId: uuidv7() },
    ...{ attemptNumber: 1, fence: 1 },
  });
  /** Not a date, so the statement fails whatever there is to settle. */
  const refused = () => ({ ...settlementRow(key(), COMPLETED), completed_at: 'not a date' });

  const quarantine = () => join(directory, 'journal', 'quarantine');
  const errorsOf = (node: TestApp) => {
    return jest.spyOn(node.app.get(JournalAdoption, { strict: false })['logger'], 'error');
  };

  it('is put aside at once when nothing is to be recorded instead', async () => {
    const settlements = app.app.get(Settlements, { strict: false });
    const tooLong = { ...OUTCOME, latencyMs: 2 ** 40 };
    const recorded = settlements.record(key(), { ...COMPLETED, outcome: tooLong });
    await expect(recorded).rejects.toMatchObject({
      code: 'internal',
      options: { extensions: { billed: 'yes', retryable: false } },
    });
    expect(settlements.missedCount).toBe(0);
    expect(journalOf(app).status()).toMatchObject({ unsettled: 0, quarantined: 1 });
  });

  /** A server that died and left them, and one that lives. */
  const leave = async (...receipts: object[]) => {
    const second = await TestApp.start({ variables: { KEYRUN_DATA_DIR: directory }, nodeOf: app });
    nodes.push(second);
    const deadId = uuidv7();
    await journalOf(app).open(deadId);
    for (const receipt of receipts) journalOf(app).append(JSON.stringify(receipt));
    const adoption = second.app.get(JournalAdoption, { strict: false });
    return { second, adoption, deadId, log: errorsOf(second) };
  };

  it('of a dead server is told once and put aside, and the others are settled', async () => {
    const { second, adoption, deadId, log } = await leave(
      refused(),
      settlementRow(key(), COMPLETED),
      refused(),
    );
    await adoption.adopt();
    expect(journalOf(second).status()).toMatchObject({ unsettled: 0, quarantined: 2 });
    for (const name of await readdir(quarantine())) {
      expect(name).toMatch(new RegExp(`^${deadId}\\.000001\\.\\d+\\.refused$`));
    }
    expect(log).toHaveBeenCalledTimes(2);
    await adoption.adopt();
    expect(log).toHaveBeenCalledTimes(2);

    // Moved back, both of them, it is tried again.
    const [one, other] = (await readdir(quarantine())).map((name) => join(quarantine(), name));
    const back = join(directory, 'journal', `${deadId}.000001.${deadId}.journal`);
    await writeFile(back, Buffer.concat([await readFile(one!), await readFile(other!)]));
    await rm(quarantine(), { recursive: true });
    await adoption.adopt();
    expect(log).toHaveBeenCalledTimes(4);
    expect(journalOf(second).status()).toMatchObject({ unsettled: 0, quarantined: 2 });
  });

  it('of a dead server that cannot be put aside stays, and is told once', async () => {
    const { second, adoption, log } = await leave(refused(), settlementRow(key(), COMPLETED));
    await writeFile(quarantine(), 'in the way');
    for (let round = 0; round < 3; round += 1) await adoption.adopt();
    expect(journalOf(second).status()).toMatchObject({ unsettled: 1 });
    expect(log).toHaveBeenCalledTimes(1);
    await rm(quarantine());
    await adoption.adopt();
    expect(journalOf(second).status()).toMatchObject({ unsettled: 0, quarantined: 1 });
    expect(log).toHaveBeenCalledTimes(1);
  });

  it('is none because the workspace is gone: there is nothing to be settled', async () => {
    const workspace = await app.request('post', '/api/workspaces').send({ name: 'Doomed' });
    const { id: workspaceId } = workspace.body as { id: string };
    const { second, adoption, log } = await leave(
      settlementRow({ ...key(), workspaceId }, COMPLETED),
    );
    await app.request('delete', `/api/workspaces/${workspaceId}`).expect(204);
    await adoption.adopt();
    expect(journalOf(second).status()).toMatchObject({ unsettled: 0, quarantined: 0 });
    expect(log).not.toHaveBeenCalled();
  });
});
