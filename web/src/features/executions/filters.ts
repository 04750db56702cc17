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
  const set = (name: FilterName, value: string | null) => {
    setParameters(
      (current) => {
        const next = new URLSearchParams(current);
        if (value === null || value === '') next.delete(name);
        else next.set(name, value);
        return next;
      },
      { replace: true },
    );
  };
  const clear = () => {
    setParameters({}, { replace: true });
  };
  return { filters, set, clear, search: parameters.toString() };
}
