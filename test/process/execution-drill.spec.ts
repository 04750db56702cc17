import { breakProvider } from '../drill/scenarios/broken-providers';
import { CRASH_POINTS, crashAt } from '../drill/scenarios/crash-points';
import { killDatabase } from '../drill/scenarios/killed-database';
import { killServerInFlight } from '../drill/scenarios/killed-server';
import { LOST_ANSWERS, loseAnswers } from '../drill/scenarios/lost-answers';
import { doubleWakeUps } from '../drill/scenarios/wake-ups';
import { drill } from '../drill/support/scenario';

jest.setTimeout(180_000);

/** The drills of `npm run drill`, small. */
describe('an execution', () => {
  drill('survives the death of its server, or is interrupted; 20 in flight', (random) =>
    killServerInFlight(20, random),
  );
  drill('survives the death of PostgreSQL, or was never begun; one of 100', (random) =>
    killDatabase(100, random),
  );
  drill('ends though the answer of PostgreSQL to one of its statements got lost', () =>
    loseAnswers(LOST_ANSWERS),
  );
  drill('ends as it must wherever its server dies', () => {
    const points = ['after:start', 'before:append', 'after:append', 'before:acknowledge'];
    return crashAt(CRASH_POINTS.filter(({ point }) => points.includes(point)));
  });
  drill('runs once though its wake-up comes twice, at two servers', () => doubleWakeUps(5));
  drill('ends whatever its provider does', () => breakProvider());
});
