import type { ExecutionMode, ExecutionStatus } from '../../src/executions/ledger/execution-status';

/** One attempt, as the model believes it. */
export interface ModelAttempt {
  /** Of each revision of its outcome, what it cost; null: nothing that is known. */
  readonly costs: (bigint | null)[];
  billed: 'yes' | 'no' | 'unknown' | null;
}

/** What a server believes that it holds: it may be wrong, which is what the fence is for. */
export interface Hold {
  readonly server: number;
  readonly fence: number;
  readonly attempt: number;
}

/** One execution, as the model believes it. */
export interface ModelExecution {
  readonly id: string;
  readonly mode: ExecutionMode;
  status: ExecutionStatus;
  fence: number;
  owner: number | null;
  cost: bigint | null;
  cancelAsked: boolean;
  readonly attempts: ModelAttempt[];
  /** Of servers that hold it or have held it and do not know that they lost it. */
  readonly holds: Hold[];
}

/** The life of executions in memory, as the design says it, without a database. */
export class ExecutionModel {
  readonly executions: ModelExecution[] = [];

  start(id: string, mode: ExecutionMode, server: number): ModelExecution {
    const isQueued = mode === 'async';
    const execution: ModelExecution = {
      ...{ id, mode, status: isQueued ? 'queued' : 'running', cost: null, cancelAsked: false },
      ...{ fence: 1, owner: isQueued ? null : server },
      attempts: isQueued ? [] : [newAttempt()],
      holds: isQueued ? [] : [{ server, fence: 1, attempt: 1 }],
    };
    this.executions.push(execution);
    return execution;
  }

  /** @returns whether it may be made. */
  attempt(execution: ModelExecution, hold: Hold): boolean {
    if (execution.status !== 'running' || execution.fence !== hold.fence) return false;
    execution.attempts.push(newAttempt());
    return true;
  }

  /** Of an attempt that failed and cost what is known. The first word stays. */
  recordOutcome(execution: ModelExecution, { attempt }: Hold, cost: bigint | null): void {
    const { costs } = execution.attempts[attempt - 1]!;
    if (costs.length > 0) return;
    costs.push(cost);
    execution.attempts[attempt - 1]!.billed = 'no';
  }

  /** @returns whether there was something to settle. */
  settle(
    execution: ModelExecution,
    hold: Hold,
    end: {
      status: 'completed' | 'failed' | 'cancelled';
      cost: bigint | null;
      total: bigint | null;
    },
  ): boolean {
    const isHeld = execution.status === 'running' && execution.fence === hold.fence;
    const isLate =
      execution.status === 'interrupted' &&
      execution.fence === hold.fence + 1 &&
      end.status !== 'cancelled';
    if (!isHeld && !isLate) return false;
    const attempt = execution.attempts[hold.attempt - 1]!;
    if (isLate || attempt.costs.length === 0) attempt.costs.push(end.cost);
    Object.assign(execution, { status: end.status, cost: end.total, owner: null });
    return true;
  }

  /** @returns the ids of those that moved. */
  sweep(isDead: (server: number) => boolean): string[] {
    const orphans = this.executions.filter(({ status, owner }) => {
      return status === 'running' && owner !== null && isDead(owner);
    });
    for (const execution of orphans) {
      const last = execution.attempts.at(-1)!;
      const isInFlight = last.billed === null;
      if (isInFlight) {
        last.billed = 'unknown';
        last.costs.push(null);
      }
      execution.status = isInFlight
        ? 'interrupted'
        : execution.mode === 'async'
          ? 'queued'
          : 'failed';
      execution.fence += 1;
      execution.owner = null;
      execution.cost = costOf(execution);
    }
    return orphans.map(({ id }) => id);
  }

  /** @returns what the server holds now; null: nothing. */
  claim(execution: ModelExecution, server: number): Hold | null {
    if (execution.status !== 'queued') return null;
    execution.attempts.push(newAttempt());
    Object.assign(execution, { status: 'running', fence: execution.fence + 1, owner: server });
    const hold = { server, fence: execution.fence, attempt: execution.attempts.length };
    execution.holds.push(hold);
    return hold;
  }

  requestCancellation(execution: ModelExecution): void {
    if (execution.status === 'queued') execution.status = 'cancelled';
    if (execution.status === 'running') execution.cancelAsked = true;
  }
}

/** What all attempts cost by the newest word on each; null: nothing is known. */
export function costOf({ attempts }: ModelExecution): bigint | null {
  const known = attempts.flatMap(({ costs }) => costs.at(-1) ?? []);
  return known.length === 0 ? null : known.reduce((sum, cost) => sum + cost, 0n);
}

function newAttempt(): ModelAttempt {
  return { costs: [], billed: null };
}
