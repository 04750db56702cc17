import { exhaustPool, lockLedger } from './scenarios/exhausted';
import { fillDisk, fillDiskOfAll } from './scenarios/full-disk';
import {
  deadlockSettlement,
  dropMonthsAhead,
  fillJournal,
  loseWakeUps,
  startMany,
  takeJournalAway,
} from './scenarios/shortages';
import { drill } from './support/scenario';

describe('what is missing or too much', () => {
  drill('#9 every connection is busy for nine seconds', () => exhaustPool(10));
  drill('#9 the ledger gives no answer, everything else does', () => lockLedger(20));
  drill('#10 a deadlock in the settlement, twice', () => deadlockSettlement());
  drill('#37 lost wake-ups', () => loseWakeUps(5));
  drill('#39 the folder of the journal is gone', () => takeJournalAway());
  drill('#39 the journal is full while the database is away', () => fillJournal());
  drill('#39 the disk of the journal is full', () => fillDisk());
  drill('#7 the disk of PostgreSQL and of the journal is full', () => fillDiskOfAll());
  drill('#40 the months ahead are missing', () => dropMonthsAhead());
  drill('#43 2 000 starts at once', () => startMany(2_000));
});
