import type { ApiKeyResponse, ProviderResponse } from '../../client';
import type { UsageRow } from '../../http/usage';
import type { Dimension } from './usage-range';

/** What the group of a row is called. */
export function nameOf(
  row: UsageRow,
  dimension: Dimension,
  keys: readonly ApiKeyResponse[],
  providers: readonly ProviderResponse[],
): string {
  switch (dimension) {
    case 'provider':
      return providers.find(({ id }) => id === row.provider)?.displayName ?? row.provider ?? '–';
    case 'model':
      return row.model ?? '–';
    case 'agent':
      return row.agentId ?? '–';
    case 'apiKey':
      return nameOfKey(row.apiKeyId ?? null, keys);
  }
}

function nameOfKey(id: string | null, keys: readonly ApiKeyResponse[]): string {
  if (id === null) return 'no key needed';
  const key = keys.find((candidate) => candidate.id === id);
  return key === undefined ? `deleted key ${id.slice(0, 8)}` : `${key.label} …${key.last4}`;
}
