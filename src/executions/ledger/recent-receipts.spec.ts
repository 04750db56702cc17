import { v7 as uuidv7 } from 'uuid';
import { COMPLETED } from '../../../test/support/ledger-bench';
import { settlementRow } from './ledger-rows';
import { RecentReceipts } from './recent-receipts';

const MINUTE_MS = 60_000;

function receipt(megabytes: number) {
  const key = { executionId: uuidv7(), workspaceId: uuidv7(), attemptNumber: 1, fence: 1 };
  // In base64 it is a third longer.
  const sealedOutput = Buffer.alloc(Math.round(megabytes * 0.75 * 2 ** 20));
  return settlementRow(key, { ...COMPLETED, sealedOutput });
}

describe('RecentReceipts', () => {
  let recent: RecentReceipts;

  beforeEach(() => {
    recent = new RecentReceipts();
  });

  it('keeps what was settled last, in this order, as far as 16 MiB go', () => {
    const rows = [5, 5, 5, 5].map(receipt);
    for (const row of rows) recent.keep(row);
    expect(recent.all).toEqual(rows.slice(1));
    const long = receipt(14);
    recent.keep(long);
    expect(recent.all).toEqual([long]);
  });

  it('lets one that is too long push out no other', () => {
    const row = receipt(1);
    recent.keep(row);
    recent.keep(receipt(17));
    expect(recent.all).toEqual([row]);
  });

  it('forgets what is ten minutes old, but only for what is newer', () => {
    const [first, second, third] = [receipt(0), receipt(0), receipt(0)];
    recent.keep(first, 0);
    recent.keep(second, 5 * MINUTE_MS);
    expect(recent.all).toEqual([first, second]);
    recent.keep(third, 11 * MINUTE_MS);
    expect(recent.all).toEqual([second, third]);
  });
});
