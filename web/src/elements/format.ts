const DATE_TIME = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const RELATIVE = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto', style: 'short' });
const COUNT = new Intl.NumberFormat();
const COMPACT = new Intl.NumberFormat(undefined, {
  notation: 'compact',
  maximumSignificantDigits: 3,
});

const STEPS: readonly (readonly [unit: Intl.RelativeTimeFormatUnit, seconds: number])[] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
];

export function formatDateTime(time: string): string {
  return DATE_TIME.format(new Date(time));
}

export function formatDay(time: string): string {
  return DAY.format(new Date(time));
}

/** E.g. `3 min. ago`. */
export function formatAge(time: string, now = Date.now()): string {
  const seconds = (Date.parse(time) - now) / 1_000;
  const [unit, size] = STEPS.find(([, length]) => Math.abs(seconds) >= length) ?? ['second', 1];
  return RELATIVE.format(Math.round(seconds / size), unit);
}

export function formatCount(count: number): string {
  return COUNT.format(count);
}

/**
 * An exact decimal of USD, rounded for people: to a hundredth of a cent, small ones to three digits. Null is said in words: an
 * unknown price is not free.
 */
export function formatUsd(amount: string | null): string {
  if (amount === null) return 'unpriced';
  const value = Number(amount);
  if (value === 0) return '$0';
  if (value >= 0.01) return `$${value.toLocaleString(undefined, { maximumFractionDigits: 4 })}`;
  return smallUsd(value, 3);
}

/** The same for a column of a list, to two digits: its cell has the whole amount in its title. */
export function formatUsdBriefly(amount: string | null): string {
  const value = Number(amount);
  if (amount === null || value === 0) return formatUsd(amount);
  if (value < 0.01) return smallUsd(value, 2);
  return `$${value.toLocaleString(undefined, { maximumFractionDigits: value < 1 ? 3 : 2 })}`;
}

/** For the axis of a chart, e.g. `26M`. */
export function formatCountBriefly(count: number): string {
  return COMPACT.format(count);
}

/** For the axis of a chart, e.g. `$1.5K` or `$0.0001`. */
export function formatUsdOfAxis(value: number): string {
  return value > 0 && value < 0.01 ? smallUsd(value, 3) : `$${COMPACT.format(value)}`;
}

function smallUsd(value: number, digits: number): string {
  return `$${Number(value.toPrecision(digits)).toFixed(9).replace(/0+$/, '')}`;
}

/** E.g. `840 ms` or `2.3 s`; a dash when it is not known. */
export function formatDuration(milliseconds: number | null): string {
  if (milliseconds === null) return '–';
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1_000).toFixed(1)} s`;
  return `${(milliseconds / 60_000).toFixed(1)} min`;
}
