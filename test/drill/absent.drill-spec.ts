import { drainServer, killDatabaseThenServer, stopServer } from './scenarios/absent-servers';
import { restartOneByOne } from './scenarios/rolling-restart';
import { drill } from './support/scenario';

describe('a server that goes', () => {
  drill('#D the database is killed, then the server: 200 answers in the journal', () =>
    killDatabaseThenServer(200),
  );
  drill('#13 a server is stopped for longer than its lease, 50 in flight', () => stopServer(50));
  drill('#35 SIGTERM under load, twice', () => drainServer(40));
  drill('#36 three servers are replaced one after the other, under load', (random) =>
    restartOneByOne(3, random),
  );
});
