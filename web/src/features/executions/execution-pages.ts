import type { InfiniteData } from '@tanstack/react-query';
import type { ExecutionSummaryResponse } from '../../client';
import { formatUsd, formatUsdBriefly } from '../../elements/format';
import type { Page } from '../../http/pages';
import { isUnfinished } from './is-unfinished';

export type ExecutionRow = ExecutionSummaryResponse;
export type ExecutionPages = InfiniteData<Page<ExecutionRow>, string | undefined>;

/**
 * Takes the newest rows, as just read or told, into the pages that were read before: rows that changed are replaced,
 * new ones come first.
 * @returns the same pages when nothing changed; null when rows may be missing between the two: then all must
 * be read again.
 */
export function mergeNewest(
  pages: ExecutionPages,
  newest: Page<ExecutionRow>,
): ExecutionPages | null {
  const [first, ...rest] = pages.pages;
  if (first === undefined) return null;
  if (first.data.length === 0) {
    if (newest.hasMore) return null;
    return newest.data.length === 0 ? pages : { ...pages, pages: [newest, ...rest] };
  }
  const missing = new Map(newest.data.map((row) => [row.id, row]));
  const merged = pages.pages.map((page) => updatePage(page, missing));
  const added = [...missing.values()];
  if (added.length === newest.data.length && newest.hasMore) return null;
  if (added.length === 0 && merged.every((page, index) => page === pages.pages[index])) {
    return pages;
  }
  const [top = first, ...others] = merged;
  return { ...pages, pages: [{ ...top, data: [...added, ...top.data] }, ...others] };
}

/** The page with its rows as they are now; the same page when none changed. Takes them off `missing`. */
function updatePage(
  page: Page<ExecutionRow>,
  missing: Map<string, ExecutionRow>,
): Page<ExecutionRow> {
  // Rows are in order, so once all are found nothing further down has changed.
  if (missing.size === 0) return page;
  const data = page.data.map((row) => {
    const newer = missing.get(row.id);
    missing.delete(row.id);
    return newer === undefined || isSame(row, newer) ? row : newer;
  });
  return data.every((row, index) => row === page.data[index]) ? page : { ...page, data };
}

/** What is finished does not change any more. */
function isSame(row: ExecutionRow, newer: ExecutionRow): boolean {
  return row.status === newer.status && row.costUsd === newer.costUsd;
}

/** Takes one row in, wherever it is; out, when the list is narrowed to a status that it does not have any more. */
export function replaceRow(
  pages: ExecutionPages,
  row: ExecutionRow,
  status: string | undefined,
): ExecutionPages {
  const now = status === undefined || status === row.status ? [row] : [];
  const replaced = pages.pages.map((page) =>
    page.data.some(({ id }) => id === row.id)
      ? { ...page, data: page.data.flatMap((known) => (known.id === row.id ? now : [known])) }
      : page,
  );
  return { ...pages, pages: replaced };
}

/**
 * Unfinished rows that the feed says nothing of: what is older than the newest `told`, and what it stops telling when
 * it ends, because the list is narrowed to what is unfinished.
 */
export function unfollowedRows(
  rows: readonly ExecutionRow[],
  { told, status }: { told: number; status: string | undefined },
): ExecutionRow[] {
  const leaves = status === 'queued' || status === 'running';
  return rows.slice(leaves ? 0 : told).filter(isUnfinished);
}

/** What it cost, in words; an execution that did not complete has no cost that would be unknown. */
export function costOf({ status, costUsd }: Pick<ExecutionRow, 'status' | 'costUsd'>): string {
  return costUsd === null && status !== 'completed' ? '–' : formatUsd(costUsd);
}

/** The same, as short as a column is narrow. */
export function briefCostOf(row: Pick<ExecutionRow, 'status' | 'costUsd'>): string {
  return row.costUsd === null ? costOf(row) : formatUsdBriefly(row.costUsd);
}
