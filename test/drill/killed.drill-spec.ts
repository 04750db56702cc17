import { loseLastCommits } from './scenarios/failover';
import { killDatabase } from './scenarios/killed-database';
import { killOneOfTwo, killServerInFlight } from './scenarios/killed-server';
import { replaceByOlderCopy } from './scenarios/older-copy';
import { drill } from './support/scenario';

describe('a process that is killed', () => {
  drill('#1 kill -9 of the server, 200 in flight, restart', (random) =>
    killServerInFlight(200, random),
  );
  drill('#C kill -9 of one of two servers under load', (random) => killOneOfTwo(400, random));
  drill('#5 kill -9 of every PostgreSQL process in the middle of 1 000', (random) =>
    killDatabase(1_000, random),
  );
  drill('#8 the database fails over and loses the last commits', () => loseLastCommits(30));
  drill('#8 the database is replaced by an older copy', () => replaceByOlderCopy(20));
});
