import {
  BUSY,
  drainServer,
  killDatabaseThenServer,
  leaveServer,
  STOPPED,
} from './scenarios/absent-servers';
import { repeatAfterCrash, sweepTogether } from './scenarios/orphans';
import { freezeDatabase, loseDatabaseForLong } from './scenarios/outages';
import { restartOneByOne } from './scenarios/rolling-restart';
import { drill } from './support/scenario';

describe('a server that goes', () => {
  drill('#D the database is killed, then the server: 200 answers in the journal', () =>
    killDatabaseThenServer(200),
  );
  drill('#13 a server is stopped for longer than its lease, 50 in flight', () =>
    leaveServer(50, STOPPED),
  );
  drill('#42 the event loop of a server is busy for longer than its lease', () =>
    leaveServer(50, BUSY),
  );
  drill('#6 the database is away for longer than a lease, 100 streams on two servers', () =>
    loseDatabaseForLong(100),
  );
  drill('#6 PostgreSQL is frozen for longer than a lease, 20 in flight', () => freezeDatabase(20));
  drill('#11 two servers sweep what a third left behind', () => sweepTogether(600));
  drill('#31 the same Idempotency-Key after a crash', () => repeatAfterCrash(20));
  drill('#35 SIGTERM under load, twice', () => drainServer(40));
  drill('#36 three servers are replaced one after the other, under load', (random) =>
    restartOneByOne(3, random),
  );
});
