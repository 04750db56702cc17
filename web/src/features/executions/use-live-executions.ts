import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo } from 'react';
import { executionsControllerGet, executionsControllerList } from '../../client';
import { useWorkspaceId } from '../../app/workspace';
import { followExecutions } from '../../http/execution-feed';
import type { Page } from '../../http/pages';
import { toProblem } from '../../http/problem';
import {
  type ExecutionPages,
  type ExecutionRow,
  mergeNewest,
  replaceRow,
  unfollowedRows,
} from './execution-pages';
import type { Filters } from './filters';

/** Of a page, and of the newest executions that the feed tells of. */
const LIMIT = 100;
const ASK_MS = 5_000;
/** Rows out of the reach of the feed that are asked for; each is one request. */
const ASKED_MAX = 10;

export interface LiveExecutions {
  readonly rows: readonly ExecutionRow[];
  readonly hasMore: boolean;
  readonly isLoading: boolean;
  readonly error: Error | null;
  readonly loadMore: () => void;
  readonly reload: () => Promise<unknown>;
}

/**
 * The executions of the workspace, newest first, kept up to date while the page is visible. How it learns of
 * changes is known here only: the server tells.
 */
export function useLiveExecutions(filters: Filters): LiveExecutions {
  const workspaceId = useWorkspaceId();
  const key = ['executions', workspaceId, filters] as const;
  const list = useInfiniteQuery({
    queryKey: key,
    queryFn: async ({ pageParam }) => readPage(workspaceId, filters, pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextCursor ?? undefined,
    // All pages at once are read only when the newest ones do not connect.
    staleTime: Infinity,
    refetchOnReconnect: false,
    structuralSharing: false,
  });
  useFeed(key, list.isSuccess);
  const pages = list.data?.pages;
  const rows = useMemo(() => (pages ?? []).flatMap(({ data }) => data), [pages]);
  useUnfollowed(key, rows);
  return {
    rows,
    hasMore: list.hasNextPage,
    isLoading: list.isPending || list.isFetchingNextPage,
    error: list.error,
    reload: list.refetch,
    loadMore: () => {
      if (list.hasNextPage && !list.isFetchingNextPage) void list.fetchNextPage();
    },
  };
}

type ListKey = readonly ['executions', workspaceId: string, Filters];

async function readPage(
  workspaceId: string,
  filters: Filters,
  after?: string,
): Promise<Page<ExecutionRow>> {
  const query = { ...filters, limit: LIMIT, after } as Record<string, string | number>;
  return (await executionsControllerList({ path: { workspaceId }, query })).data;
}

/** Takes in what the server tells. What it did not tell while nobody listened is read. */
function useFeed(key: ListKey, isEnabled: boolean): void {
  const queries = useQueryClient();
  const [, workspaceId, filters] = key;
  const search = JSON.stringify(filters);
  useEffect(() => {
    if (!isEnabled) return;
    let isOver = false;
    const take = (newest: Page<ExecutionRow>): boolean => {
      const known = queries.getQueryData<ExecutionPages>(key);
      const merged = known === undefined ? null : mergeNewest(known, newest);
      if (merged !== null) queries.setQueryData<ExecutionPages>(key, merged);
      return merged !== null;
    };
    const catchUp = async () => {
      // Whoever is not signed in any more learns it by the answer; after any other failure the feed is tried.
      const newest = await readPage(workspaceId, filters).catch((error: unknown) => {
        // The workspace is gone, or not for this token any more: what surrounds the page finds out.
        const isRefused = [403, 404].includes(toProblem(error).status);
        if (isRefused) void queries.invalidateQueries({ queryKey: ['workspaces'] });
        return null;
      });
      if (newest === null || isOver || take(newest)) return;
      queries.setQueryData<ExecutionPages>(key, { pages: [newest], pageParams: [undefined] });
    };
    const end = followExecutions(
      workspaceId,
      { ...filters, limit: String(LIMIT) },
      {
        onReopen: catchUp,
        onChange: (data) => {
          const hasMore = data.length >= LIMIT;
          if (!take({ data, hasMore, nextCursor: null })) void catchUp();
          // Something happens, so what is not told of may have happened too: a row left the filter.
          void queries.invalidateQueries({ queryKey: unfollowedKey(workspaceId, filters) });
        },
      },
    );
    return () => {
      isOver = true;
      end();
    };
    // The filters are the same as long as they say the same.
  }, [queries, workspaceId, search, isEnabled]);
}

function unfollowedKey(workspaceId: string, filters: Filters) {
  return ['unfollowed-executions', workspaceId, filters] as const;
}

/** Asks what became of unfinished rows that the feed does not tell of: old ones, and those that leave the filter. */
function useUnfollowed(key: ListKey, rows: readonly ExecutionRow[]): void {
  const queries = useQueryClient();
  const [, workspaceId, filters] = key;
  const unfollowed = unfollowedRows(rows, { told: LIMIT, status: filters.status });
  useQuery({
    queryKey: unfollowedKey(workspaceId, filters),
    enabled: unfollowed.length > 0,
    refetchInterval: ASK_MS,
    queryFn: async () => {
      for (const { id } of unfollowed.slice(0, ASKED_MAX)) {
        const { data } = await executionsControllerGet({ path: { workspaceId, executionId: id } });
        queries.setQueryData<ExecutionPages>(
          key,
          (known) => known && replaceRow(known, data, filters.status),
        );
      }
      return null;
    },
  });
}
