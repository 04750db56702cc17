import { useSearchParams } from 'react-router';
import { lastDays, type UsageGroup } from '../../http/usage';

export const DIMENSIONS = [
  { value: 'provider', label: 'Provider' },
  { value: 'model', label: 'Model' },
  { value: 'agent', label: 'Agent' },
  { value: 'apiKey', label: 'Key' },
] as const satisfies readonly { value: UsageGroup; label: string }[];

export type Dimension = (typeof DIMENSIONS)[number]['value'];

export const DAYS_DEFAULT = 30;
const DAY_MS = 86_400_000;

/**
 * Which days, and by what they are split. Both live in the address; `isRefused` when it asks for days that are no
 * range, in which case it is the default one.
 */
export function useUsageRange() {
  const [parameters, setParameters] = useSearchParams();
  const dimension =
    DIMENSIONS.find(({ value }) => value === parameters.get('by'))?.value ?? 'provider';
  const from = day(parameters.get('from'));
  const to = day(parameters.get('to'));
  const isAsked = parameters.has('from') || parameters.has('to');
  const isRange = from !== null && to !== null && from <= to;
  const range = !isRange
    ? lastDays(DAYS_DEFAULT)
    : { from: new Date(from).toISOString(), to: new Date(to + DAY_MS).toISOString() };
  const set = (changes: Readonly<Record<string, string>>) => {
    setParameters(
      (current) => {
        const next = new URLSearchParams(current);
        for (const [name, value] of Object.entries(changes)) next.set(name, value);
        return next;
      },
      { replace: true },
    );
  };
  return { dimension, range, isRefused: isAsked && !isRange, set };
}

/** The first and the last day of a range whose end is the start of the day after. */
export function daysOf({ from, to }: { from: string; to: string }): { from: string; to: string } {
  return {
    from: from.slice(0, 10),
    to: new Date(Date.parse(to) - DAY_MS).toISOString().slice(0, 10),
  };
}

/** Milliseconds of a day like `2026-01-31`; null: it is none. */
function day(text: string | null): number | null {
  const time = text !== null && /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(time) ? null : time;
}
