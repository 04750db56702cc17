import type { UsageRow } from '../../http/usage';

/** One day of a chart: its name, and a value per series. */
export type ChartDay = Record<string, string | number | null>;

const SERIES_MAX = 6;
const OTHERS = 'others';
const DAY_MS = 86_400_000;

/** Every day of the range, also those on which nothing ran. */
export function everyDay({ from, to }: { from: string; to: string }): string[] {
  const days: string[] = [];
  for (let time = Date.parse(from); time < Date.parse(to); time += DAY_MS) {
    days.push(new Date(time).toISOString().slice(0, 10));
  }
  return days;
}

/** A value per day, null where there is none. */
export function alongDays(
  days: readonly string[],
  rows: readonly UsageRow[],
  values: Readonly<Record<string, (row: UsageRow) => number | null>>,
): ChartDay[] {
  const byDay = new Map(rows.map((row) => [dayOf(row), row]));
  return days.map((day) => {
    const row = byDay.get(day);
    const entries = Object.entries(values).map(
      ([name, read]) => [name, row === undefined ? null : read(row)] as const,
    );
    return { day, ...Object.fromEntries(entries) };
  });
}

/** Stacks of cost per day: the groups that cost most, and all others as one. */
export function costStacks(
  days: readonly string[],
  rows: readonly UsageRow[],
  nameOf: (row: UsageRow) => string,
): { series: string[]; data: ChartDay[] } {
  const totals = new Map<string, number>();
  for (const row of rows) {
    const name = nameOf(row);
    totals.set(name, (totals.get(name) ?? 0) + Number(row.costUsd ?? 0));
  }
  const ranked = [...totals].sort(([, one], [, other]) => other - one).map(([name]) => name);
  const series = ranked.slice(0, SERIES_MAX);
  const byDay = new Map(days.map((day) => [day, new Map<string, number>()]));
  for (const row of rows) {
    const stack = byDay.get(dayOf(row));
    const name = series.includes(nameOf(row)) ? nameOf(row) : OTHERS;
    stack?.set(name, (stack.get(name) ?? 0) + Number(row.costUsd ?? 0));
  }
  return {
    series: ranked.length > SERIES_MAX ? [...series, OTHERS] : series,
    data: days.map((day) => ({ day, ...Object.fromEntries(byDay.get(day) ?? []) })),
  };
}

const SHARES = [0.04, 0.1, 0.2, 0.4, 1];
const QUARTERS = [0, 0.25, 0.5, 0.75, 1];

/** From nothing to the least of a few round shares that holds all values; to the whole when there is none to hold. */
export function shareAxis(shares: readonly (number | null)[]): {
  domain: [number, number];
  ticks: number[];
} {
  const most = Math.max(0, ...shares.map((share) => share ?? 0));
  const top = most === 0 ? 1 : (SHARES.find((share) => share >= most) ?? 1);
  return { domain: [0, top], ticks: QUARTERS.map((quarter) => quarter * top) };
}

function dayOf(row: UsageRow): string {
  return (row.day ?? '').slice(0, 10);
}
