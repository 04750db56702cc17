/** One page of any list of the API. */
export interface Page<T> {
  readonly data: readonly T[];
  readonly hasMore: boolean;
  readonly nextCursor: string | null;
}

const PAGE_LIMIT = 100;
/** Lists that are read whole are never longer. */
const PAGES_MAX = 20;

/** Reads a list to its end: one that people keep by hand, or the rows of a report. */
export async function readAll<T>(
  read: (query: { limit: number; after?: string }) => Promise<{ data: Page<T> }>,
): Promise<T[]> {
  const entries: T[] = [];
  let after: string | undefined;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const { data } = await read({ limit: PAGE_LIMIT, ...(after === undefined ? {} : { after }) });
    entries.push(...data.data);
    if (data.nextCursor === null) break;
    after = data.nextCursor;
  }
  return entries;
}
