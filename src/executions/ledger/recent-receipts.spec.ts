import { v7 as uuidv7 } from 'uuid';
import { COMPLETED } from '../../../test/support/ledger-bench';
import { type SettlementRow, settlementRow } from './ledger-rows';
import { RecentReceipts } from './recent-receipts';

const MINUTE_MS = 60_000;

function receipt(megabytes: number) {
  const key = { executionId: uuidv7(), workspaceId: uuidv7(), attemptNumber: 1, fence: 1 };
  const sealedOutput = Buffer.alloc(megabytes * 2 ** 20);
  return settlementRow(key, { ...COMPLETED, sealedOutput });
}

describe('RecentReceipts', () => {
  let recent: RecentReceipts;
  // Their answers are too long to be printed where they differ.
  const idsOf = (rows: readonly SettlementRow[]) => rows.map((row) => row.execution_id);

  beforeEach(() => {
    recent = new RecentReceipts();
  });

  it('keeps what was settled last, in this order, as far as 16 MiB go', () => {
    const rows = [5, 5, 5, 5].map(receipt);
    for (const row of rows) recent.keep(row);
    expect(idsOf(recent.all)).toEqual(idsOf(rows.slice(1)));
    const long = receipt(14);
    recent.keep(long);
    expect(idsOf(recent.all)).toEqual(idsOf([long]));
  });

  it('finds the latest of an execution, and none of another', () => {
    const [first, other] = [receipt(0), receipt(0)];
    for (const row of [first, other, { ...first, fence: 2 }]) recent.keep(row);
    expect(recent.find(first.execution_id)?.fence).toBe(2);
    expect(recent.find(other.execution_id)?.fence).toBe(1);
    expect(recent.find(uuidv7())).toBeNull();
  });

  it('lets one that is too long push out no other', () => {
    const row = receipt(1);
    recent.keep(row);
    recent.keep(receipt(17));
    expect(idsOf(recent.all)).toEqual(idsOf([row]));
  });

  it('holds on to no more memory than the receipts have, though a short Buffer is a view of a pool', () => {
    const key = { executionId: uuidv7(), workspaceId: uuidv7(), attemptNumber: 1, fence: 1 };
    const sealedOutput = Buffer.from('sealed');
    expect(sealedOutput.buffer.byteLength).toBeGreaterThan(sealedOutput.length);
    recent.keep(settlementRow(key, { ...COMPLETED, sealedOutput }));
    const kept = recent.all[0]?.sealedOutput;
    expect(kept).toEqual(sealedOutput);
    expect(kept?.buffer.byteLength).toBe(sealedOutput.length);
  });

  it('forgets what is ten minutes old, but only for what is newer', () => {
    const [first, second, third] = [receipt(0), receipt(0), receipt(0)];
    recent.keep(first, 0);
    recent.keep(second, 5 * MINUTE_MS);
    expect(idsOf(recent.all)).toEqual(idsOf([first, second]));
    recent.keep(third, 11 * MINUTE_MS);
    expect(idsOf(recent.all)).toEqual(idsOf([second, third]));
  });
});
