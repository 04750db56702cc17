import { LOST_ANSWERS, loseAnswers } from './scenarios/lost-answers';
import { drill } from './support/scenario';

describe('an answer of PostgreSQL that gets lost', () => {
  drill('#5 the statement has committed, the connection breaks', () => loseAnswers(LOST_ANSWERS));
});
