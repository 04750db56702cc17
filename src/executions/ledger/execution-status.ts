/**
 * Every status of an execution, and where it may go from there. The database enforces the same table.
 * `interrupted`: its server died while a call was in flight. It is shown as `failed`; a late receipt may still
 * complete it, once.
 */
export const EXECUTION_TRANSITIONS = {
  queued: ['running', 'cancelled', 'failed'],
  running: ['completed', 'failed', 'cancelled', 'queued', 'interrupted'],
  completed: [],
  failed: [],
  cancelled: [],
  interrupted: ['completed', 'failed'],
} as const satisfies Record<string, readonly string[]>;

export type ExecutionStatus = keyof typeof EXECUTION_TRANSITIONS;

export const EXECUTION_STATUSES = Object.keys(EXECUTION_TRANSITIONS) as readonly ExecutionStatus[];

/** What a client sees of a status. */
export type PublicStatus = Exclude<ExecutionStatus, 'interrupted'>;

export const PUBLIC_STATUSES = EXECUTION_STATUSES.filter(
  (status): status is PublicStatus => status !== 'interrupted',
);

/** Who waits for it: the request itself, the readers of its stream, or nobody. */
export type ExecutionMode = 'sync' | 'stream' | 'async';

/** Whether the table allows the move. */
export function mayBecome(from: ExecutionStatus, to: ExecutionStatus): boolean {
  return (EXECUTION_TRANSITIONS[from] as readonly ExecutionStatus[]).includes(to);
}

/** Whether it has ended: nothing more happens to it, but for the late receipt of an interrupted one. */
export function isTerminal(status: ExecutionStatus): boolean {
  return status !== 'queued' && status !== 'running';
}

export function toPublicStatus(status: ExecutionStatus): PublicStatus {
  return status === 'interrupted' ? 'failed' : status;
}
