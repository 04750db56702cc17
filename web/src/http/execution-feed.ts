import type { ExecutionSummaryResponse } from '../client';
import { isSignedIn, onPresenceChange } from './presence';

const REOPEN_MS = 2_000;
/** What the server tells in one go arrives in pieces; a list is better changed once. */
const BATCH_MS = 50;

export interface FeedListener {
  /** Executions that began or changed, the newest first. */
  readonly onChange: (executions: readonly ExecutionSummaryResponse[]) => void;
  /** Before the feed begins again: more may have happened than it tells of. Never rejects. */
  readonly onReopen: () => Promise<void>;
}

/**
 * Follows a list of executions while the page is visible, with the session of whoever is signed in. A feed that ends
 * is begun again by reading the list, which tells if it ended because the session did.
 * @returns what ends it.
 */
export function followExecutions(
  workspaceId: string,
  query: Readonly<Record<string, string>>,
  { onChange, onReopen }: FeedListener,
): () => void {
  const parameters = new URLSearchParams(query).toString();
  const url = `/api/workspaces/${workspaceId}/executions/feed?${parameters}`;
  let source: EventSource | null = null;
  let reopening: ReturnType<typeof setTimeout> | undefined;
  let turn = 0;
  const batch = new Batch(onChange);
  const close = () => {
    turn += 1;
    clearTimeout(reopening);
    source?.close();
    source = null;
    batch.flush();
  };
  const open = () => {
    const opened = new EventSource(url);
    source = opened;
    opened.addEventListener('execution', ({ data }: MessageEvent<string>) => {
      batch.add(JSON.parse(data) as ExecutionSummaryResponse);
    });
    // Opened anew instead of by the browser, which gives up on an answer like 503 and knows of no session.
    opened.addEventListener('error', () => {
      opened.close();
      if (source === opened) reopening = setTimeout(() => void reopen(), REOPEN_MS);
    });
  };
  const reopen = async () => {
    close();
    const mine = turn;
    await onReopen();
    if (turn === mine) open();
  };
  const isWanted = () => document.visibilityState === 'visible' && isSignedIn();
  const look = () => {
    if (isWanted()) void reopen();
    else close();
  };
  if (isWanted()) open();
  document.addEventListener('visibilitychange', look);
  const stopListening = onPresenceChange(look);
  return () => {
    document.removeEventListener('visibilitychange', look);
    stopListening();
    close();
  };
}

class Batch {
  #executions: ExecutionSummaryResponse[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly onFull: FeedListener['onChange']) {}

  /** The server tells the oldest first. */
  add(execution: ExecutionSummaryResponse): void {
    this.#executions.unshift(execution);
    this.#timer ??= setTimeout(() => {
      this.flush();
    }, BATCH_MS);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const executions = this.#executions.splice(0);
    if (executions.length > 0) this.onFull(executions);
  }
}
