import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo } from 'react';
import { executionsControllerGet, executionsControllerList } from '../../client';
import { useWorkspaceId } from '../../app/workspace';
import type { Page } from '../../http/pages';
import {
  type ExecutionPages,
  type ExecutionRow,
  isUnfinished,
  mergeNewest,
  replaceRow,
} from './execution-pages';
import type { Filters } from './filters';

const PAGE_LIMIT = 100;
const POLL_MS = 2_000;
/** Rows further down that may still change; each is one more request. */
const FOLLOWED_MAX = 10;

export interface LiveExecutions {
  readonly rows: readonly ExecutionRow[];
  readonly hasMore: boolean;
  readonly isLoading: boolean;
  readonly error: Error | null;
  readonly loadMore: () => void;
}

/**
 * The executions of the workspace, newest first, kept up to date while the page is visible. How it learns of
 * changes is known here only; today it asks.
 */
export function useLiveExecutions(filters: Filters): LiveExecutions {
  const workspaceId = useWorkspaceId();
  const queries = useQueryClient();
  const key = ['executions', workspaceId, filters];
  const read = async (after: string | undefined): Promise<Page<ExecutionRow>> => {
    const query = { ...filters, limit: PAGE_LIMIT, after } as Record<string, string | number>;
    return (await executionsControllerList({ path: { workspaceId }, query })).data;
  };
  const list = useInfiniteQuery({
    queryKey: key,
    queryFn: async ({ pageParam }) => read(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextCursor ?? undefined,
    // All pages at once are read only when the newest ones do not connect.
    staleTime: Infinity,
    refetchOnReconnect: false,
    structuralSharing: false,
  });
  useQuery({
    queryKey: ['newest-executions', workspaceId, filters],
    enabled: list.isSuccess,
    refetchInterval: POLL_MS,
    queryFn: async () => {
      const newest = await read(undefined);
      const known = queries.getQueryData<ExecutionPages>(key);
      const merged = known && mergeNewest(known, newest);
      if (merged === undefined) return null;
      queries.setQueryData<ExecutionPages>(
        key,
        merged ?? { pages: [newest], pageParams: [undefined] },
      );
      await followUnfinished(newest);
      return null;
    },
  });
  const followUnfinished = async (newest: Page<ExecutionRow>) => {
    const fresh = new Set(newest.data.map(({ id }) => id));
    const pages = queries.getQueryData<ExecutionPages>(key)?.pages ?? [];
    const open = pages.flatMap(({ data }) =>
      data.filter((row) => isUnfinished(row) && !fresh.has(row.id)),
    );
    for (const { id } of open.slice(0, FOLLOWED_MAX)) {
      const { data } = await executionsControllerGet({ path: { workspaceId, executionId: id } });
      queries.setQueryData<ExecutionPages>(key, (current) => current && replaceRow(current, data));
    }
  };
  const pages = list.data?.pages;
  const rows = useMemo(() => (pages ?? []).flatMap(({ data }) => data), [pages]);
  return {
    rows,
    hasMore: list.hasNextPage,
    isLoading: list.isPending || list.isFetchingNextPage,
    error: list.error,
    loadMore: () => {
      if (list.hasNextPage && !list.isFetchingNextPage) void list.fetchNextPage();
    },
  };
}
