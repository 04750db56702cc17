import fc from 'fast-check';
import { divideHalfEven, formatUsd, nanoUsdFromNumber, parseUsd } from './usd';

describe('money', () => {
  it.each([
    [0n, '0'],
    [1n, '0.000000001'],
    [123_456n, '0.000123456'],
    [1_500_000_000n, '1.5'],
    [12_000_000_000n, '12'],
    [-1_000_000n, '-0.001'],
    [9_007_199_254_740_993_000_000_001n, '9007199254740993.000000001'],
  ])('writes %p nano-USD as %p', (nanoUsd, text) => {
    expect(formatUsd(nanoUsd)).toBe(text);
    expect(parseUsd(text)).toBe(nanoUsd);
  });

  it('reads back what it wrote', () => {
    fc.assert(fc.property(fc.bigInt(), (nanoUsd) => parseUsd(formatUsd(nanoUsd)) === nanoUsd));
  });

  it.each(['', '1.', '.5', '1e-9', '0.0000000001', ' 1', '1,5', '--1', 'NaN'])(
    'does not read %p',
    (text) => {
      expect(() => parseUsd(text)).toThrow(RangeError);
    },
  );

  it.each([
    [5n, 2n, 2n],
    [7n, 2n, 4n],
    [3n, 2n, 2n],
    [1n, 2n, 0n],
    [9n, 4n, 2n],
    [11n, 4n, 3n],
    [0n, 7n, 0n],
  ])('divides %p by %p half to even: %p', (numerator, denominator, expected) => {
    expect(divideHalfEven(numerator, denominator)).toBe(expected);
  });

  it.each([
    [5, 5_000_000_000n],
    [0.003625, 3_625_000n],
    [0.01875, 18_750_000n],
    [22.5, 22_500_000_000n],
    [1e-7, 100n],
    [1.5e-9, 2n],
    [2.5e-9, 2n],
    [0, 0n],
    [1e21, 10n ** 30n],
  ])('takes a price of %p USD as %p nano-USD', (usd, nanoUsd) => {
    expect(nanoUsdFromNumber(usd)).toBe(nanoUsd);
  });
});
