const NANO_PER_USD = 1_000_000_000n;
const DECIMALS = 9;
const USD_PATTERN = /^(-?)(\d+)(?:\.(\d{1,9}))?$/;

/** Nano-USD as an exact decimal string in USD, e.g. `0.000123456`: no exponent, no trailing zeros. */
export function formatUsd(nanoUsd: bigint): string {
  const sign = nanoUsd < 0n ? '-' : '';
  const absolute = nanoUsd < 0n ? -nanoUsd : nanoUsd;
  const fraction = (absolute % NANO_PER_USD).toString().padStart(DECIMALS, '0').replace(/0+$/, '');
  const whole = (absolute / NANO_PER_USD).toString();
  return fraction === '' ? `${sign}${whole}` : `${sign}${whole}.${fraction}`;
}

/**
 * The inverse of {@link formatUsd}.
 * @throws {RangeError} when the text is no decimal number with at most nine decimals.
 */
export function parseUsd(text: string): bigint {
  const match = USD_PATTERN.exec(text);
  if (match === null) throw new RangeError('not a decimal number with at most nine decimals');
  const [, sign, whole = '0', fraction = ''] = match;
  const absolute = BigInt(whole) * NANO_PER_USD + BigInt(fraction.padEnd(DECIMALS, '0'));
  return sign === '-' ? -absolute : absolute;
}

/** `numerator / denominator`, both ≥ 0, rounded half to even so that many roundings do not drift. */
export function divideHalfEven(numerator: bigint, denominator: bigint): bigint {
  const quotient = numerator / denominator;
  const twice = (numerator % denominator) * 2n;
  if (twice < denominator) return quotient;
  if (twice > denominator) return quotient + 1n;
  return quotient % 2n === 0n ? quotient : quotient + 1n;
}

/**
 * A price in USD, as the catalogue writes it, in nano-USD. The shortest decimal text of the number is
 * the decimal that the catalogue's author wrote, so nothing is lost; a tenth decimal would be rounded.
 */
export function nanoUsdFromNumber(usd: number): bigint {
  const [mantissa = '0', exponent = '0'] = String(usd).split('e');
  const [whole = '0', fraction = ''] = mantissa.split('.');
  const digits = BigInt(whole + fraction);
  const power = DECIMALS - fraction.length + Number(exponent);
  return power >= 0 ? digits * 10n ** BigInt(power) : divideHalfEven(digits, 10n ** BigInt(-power));
}
