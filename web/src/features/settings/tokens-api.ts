import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type AccessTokenResponse, accessTokensControllerList } from '../../client';
import { useWorkspaceId } from '../../app/workspace';
import { readAll } from '../../http/pages';

export function useTokens() {
  const workspaceId = useWorkspaceId();
  return useQuery({
    queryKey: ['tokens', workspaceId],
    queryFn: async (): Promise<AccessTokenResponse[]> =>
      readAll(async (query) => accessTokensControllerList({ path: { workspaceId }, query })),
  });
}

export function useRefreshTokens(): () => Promise<void> {
  const queries = useQueryClient();
  return async () => queries.invalidateQueries({ queryKey: ['tokens'] });
}

/** What a new token is good for, to be pasted into a shell. */
export function tokenSnippet(workspaceId: string, token: string): string {
  const body = {
    agentId: 'first',
    provider: 'echo',
    model: 'echo',
    messages: [{ role: 'user', content: 'Hello' }],
  };
  return [
    `export KEYRUN_TOKEN='${token}'`,
    `curl -s ${location.origin}/api/workspaces/${workspaceId}/executions \\`,
    `  -H "Authorization: Bearer $KEYRUN_TOKEN" \\`,
    `  -H 'Content-Type: application/json' \\`,
    `  -d '${JSON.stringify(body)}'`,
  ].join('\n');
}
