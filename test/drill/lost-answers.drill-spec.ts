import { LOST_ANSWERS, loseAnswers, loseForLong } from './scenarios/lost-answers';
import { drill } from './support/scenario';

describe('an answer of PostgreSQL that gets lost', () => {
  drill('#5 the statement has committed, the connection breaks', () => loseAnswers(LOST_ANSWERS));
  drill('#5 the place in the queue has committed, the database stays away', () =>
    loseForLong(12_000),
  );
});
