import { cancelEverywhere, hangUp, repeatKey, stopReading } from './scenarios/clients';
import { drill } from './support/scenario';

describe('clients', () => {
  drill('#29 #30 one Idempotency-Key, 50 clients, two servers', () => repeatKey(50));
  drill('#32 500 clients hang up in the middle of a stream', () => hangUp(500));
  drill('#33 a client reads nothing of 14 MB', () => stopReading(14_000));
  drill('#34 cancelled wherever it is', () => cancelEverywhere());
});
