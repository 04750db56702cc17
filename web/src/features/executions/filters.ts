import { useSearchParams } from 'react-router';

export const FILTER_NAMES = [
  'status',
  'provider',
  'model',
  'agentId',
  'apiKeyId',
  'from',
  'to',
] as const;

type FilterName = (typeof FILTER_NAMES)[number];

/** What the list is narrowed to. They live in the address: a link shows others the same list. */
export type Filters = Partial<Record<FilterName, string>>;

export function useFilters() {
  const [parameters, setParameters] = useSearchParams();
  const filters: Filters = {};
  for (const name of FILTER_NAMES) {
    const value = parameters.get(name);
    if (value !== null && value !== '') filters[name] = value;
  }
  // All at once: of two changes in a row, the second would not know of the first.
  const change = (changes: Partial<Record<FilterName, string | null>>) => {
    setParameters(
      (current) => {
        const next = new URLSearchParams(current);
        for (const [name, value] of Object.entries(changes)) {
          if (value === null || value === '') next.delete(name);
          else next.set(name, value);
        }
        return next;
      },
      { replace: true },
    );
  };
  const set = (name: FilterName, value: string | null) => {
    change({ [name]: value });
  };
  const clear = () => {
    setParameters({}, { replace: true });
  };
  return { filters, set, change, clear, search: parameters.toString() };
}
