/** Every status of an execution, and where it may go from there. The database enforces the same table. */
export const EXECUTION_TRANSITIONS = {
  queued: ['running', 'cancelled', 'failed'],
  running: ['completed', 'failed', 'cancelled'],
  completed: [],
  failed: [],
  cancelled: [],
} as const satisfies Record<string, readonly string[]>;

export type ExecutionStatus = keyof typeof EXECUTION_TRANSITIONS;

export const EXECUTION_STATUSES = Object.keys(EXECUTION_TRANSITIONS) as readonly ExecutionStatus[];

/** Whether the table allows the move. */
export function mayBecome(from: ExecutionStatus, to: ExecutionStatus): boolean {
  return (EXECUTION_TRANSITIONS[from] as readonly ExecutionStatus[]).includes(to);
}
