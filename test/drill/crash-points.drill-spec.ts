import { CRASH_POINTS, crashAt } from './scenarios/crash-points';
import { drill } from './support/scenario';

describe('a server that dies at a named point', () => {
  drill(`#2–#4 #37 ${CRASH_POINTS.length} points from the start to the acknowledged receipt`, () =>
    crashAt(CRASH_POINTS),
  );
});
