import { loseReceiver } from './scenarios/receivers';
import { doubleWakeUps, poison } from './scenarios/wake-ups';
import { drill } from './support/scenario';

describe('the queue', () => {
  drill('#37 wake-ups that come twice, at two servers', () => doubleWakeUps(20));
  drill('#38 a receiver of webhooks is away, then the server that tried', () => loseReceiver(20));
  drill('#44 a request that kills whoever takes it', () => poison());
});
