import type { ExecutionRecord } from './execution-record';
import {
  type AttemptKey,
  attemptRow,
  type LostStart,
  outcomeRow,
  type SettlementRow,
  type StartRow,
} from './ledger-rows';

/** That attempt, as long as this server holds the execution. */
export function attemptKey(record: ExecutionRecord, attemptNumber: number): AttemptKey {
  const { id: executionId, workspaceId, fence } = record;
  return { executionId, workspaceId, fence, attemptNumber };
}

/** What it takes to make the execution again, in a database that lost it or its latest attempts. */
export function describeLostStart(start: StartRow | null, record: ExecutionRecord): LostStart {
  return {
    start,
    attempts: record.attempts.slice(start === null ? 0 : 1).map((attempt) => ({
      ...attemptRow(attemptKey(record, attempt.number), attempt),
      started_at: attempt.startedAt.toISOString(),
    })),
    outcomes: record.attempts.slice(0, -1).flatMap(({ number, outcome }) => {
      return outcome === null ? [] : [outcomeRow(attemptKey(record, number), outcome)];
    }),
  };
}

/** Which end of an execution is settled. */
export type SettledRow = Pick<
  SettlementRow,
  'execution_id' | 'workspace_id' | 'attempt_number' | 'fence'
>;

/** What `restore_attempts` reads. */
export function restoreRow(
  { attempts, outcomes }: LostStart,
  { execution_id, workspace_id, attempt_number, fence }: SettledRow,
  ownerId: string,
) {
  return {
    ...{ execution_id, workspace_id, attempt_number, fence, attempts, outcomes },
    owner_id: ownerId,
    api_key_id: attempts.at(-1)?.api_key_id,
  };
}
