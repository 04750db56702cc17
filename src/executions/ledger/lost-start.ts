import type { ExecutionRecord } from './execution-record';
import {
  type AttemptKey,
  attemptRow,
  type LostStart,
  outcomeRow,
  type StartRow,
} from './ledger-rows';

/** That attempt, as long as this server holds the execution. */
export function attemptKey(record: ExecutionRecord, attemptNumber: number): AttemptKey {
  const { id: executionId, workspaceId, fence } = record;
  return { executionId, workspaceId, fence, attemptNumber };
}

/** What it takes to make the execution again; undefined: another server may go on with it. */
export function describeLostStart(
  start: StartRow | null,
  record: ExecutionRecord,
): LostStart | undefined {
  if (start === null) return undefined;
  return {
    start,
    attempts: record.attempts.slice(1).map((attempt) => {
      return attemptRow(attemptKey(record, attempt.number), attempt);
    }),
    outcomes: record.attempts.slice(0, -1).flatMap(({ number, outcome }) => {
      return outcome === null ? [] : [outcomeRow(attemptKey(record, number), outcome)];
    }),
  };
}
