import { breakProvider } from './scenarios/broken-providers';
import { moveClocks } from './scenarios/clocks';
import { drill } from './support/scenario';

describe('a world that keeps no rules', () => {
  drill('#14 the wall clocks of two servers jump by an hour', () => moveClocks());
  drill('#41 a provider throws, hangs, answers nothing, speaks after its end', () =>
    breakProvider(),
  );
});
