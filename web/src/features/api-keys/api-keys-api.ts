import { useQuery, useQueryClient } from '@tanstack/react-query';
import {
  type ApiKeyResponse,
  apiKeysControllerList,
  type ProviderResponse,
  providersControllerList,
} from '../../client';
import { useWorkspaceId } from '../../app/workspace';
import { readAll } from '../../http/pages';
import { lastDays, readUsage, type UsageRow } from '../../http/usage';

export function useProviders() {
  return useQuery({
    queryKey: ['providers'],
    queryFn: async (): Promise<ProviderResponse[]> => (await providersControllerList()).data.data,
    staleTime: Infinity,
  });
}

/** The keys, masked: what they unlock never comes to this page. */
export function useApiKeys() {
  const workspaceId = useWorkspaceId();
  return useQuery({
    queryKey: ['api-keys', workspaceId],
    queryFn: async (): Promise<ApiKeyResponse[]> =>
      readAll(async (query) => apiKeysControllerList({ path: { workspaceId }, query })),
    refetchInterval: 15_000,
  });
}

/** What each key was used for in 30 days. Undefined while it is not known, or where it cannot be. */
export function useKeyUsage(): ReadonlyMap<string, UsageRow> | undefined {
  const workspaceId = useWorkspaceId();
  const { data } = useQuery({
    queryKey: ['usage', workspaceId, 'by-key'],
    queryFn: async () => {
      const report = await readUsage(workspaceId, { groupBy: ['apiKey'], ...lastDays(30) });
      return new Map(report.data.map((row) => [row.apiKeyId ?? '', row]));
    },
    staleTime: 60_000,
    retry: false,
  });
  return data;
}

/** Reads the keys again after one has changed. */
export function useRefreshKeys(): () => Promise<void> {
  const queries = useQueryClient();
  return async () => queries.invalidateQueries({ queryKey: ['api-keys'] });
}
