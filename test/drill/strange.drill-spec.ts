import { breakAnswers } from './scenarios/broken-answers';
import { breakProvider } from './scenarios/broken-providers';
import { moveClocks } from './scenarios/clocks';
import { drill } from './support/scenario';

describe('a world that keeps no rules', () => {
  drill('#14 the wall clocks of two servers jump by an hour', () => moveClocks());
  drill('#41 a provider throws, hangs, answers nothing, speaks after its end', () =>
    breakProvider(),
  );
  drill('#15–#20 #27 #28 a provider breaks off, babbles, lies', () => breakAnswers(20));
});
