import { doubleWakeUps, poison } from './scenarios/wake-ups';
import { drill } from './support/scenario';

describe('the queue', () => {
  drill('#37 wake-ups that come twice, at two servers', () => doubleWakeUps(20));
  drill('#44 a request that kills whoever takes it', () => poison());
});
