import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { TenantDatabase } from '../../database';
import type { WakeUp } from '../../queue';
import type { RunningExecution } from '../execution-tracker';
import type { ExecutionFailure, ExecutionRecord } from '../ledger/execution-record';
import { ExecutionStarts } from '../ledger/execution-starts';
import { ServerIdentity } from '../lifecycle/server-identity';
import { type QueuedExecution, QueuedRequests } from './queued-requests';

const CLAIM = `
  SELECT fence, attempt_number AS "attemptNumber", started_at AS "startedAt",
         attempt_started_at AS "attemptStartedAt", remaining_ms AS "remainingMs",
         (extract(epoch FROM attempt_started_at - started_at) * 1000)::float8 AS "ageMs",
         store_at_provider AS "storeAtProvider"
    FROM claim_execution($1, $2, $3, $4)`;
/** The same of one that this server has taken. */
const TAKEN = `
  SELECT fence, attempt.attempt_number AS "attemptNumber", execution.started_at AS "startedAt",
         attempt.started_at AS "attemptStartedAt",
         greatest(0, extract(epoch FROM deadline_at - now()) * 1000)::integer AS "remainingMs",
         (extract(epoch FROM now() - execution.started_at) * 1000)::float8 AS "ageMs",
         store_at_provider AS "storeAtProvider"
    FROM agent_executions execution
    JOIN workspaces workspace ON workspace.id = execution.workspace_id
    JOIN execution_attempts attempt ON attempt.execution_id = execution.id
   WHERE execution.id = $1 AND execution.owner_id = $2 AND execution.status = 'running'
   ORDER BY attempt.attempt_number DESC LIMIT 1`;
const TAKE_UP = 'SELECT take_up_execution($1, $2, $3) AS "lostTakes"';
const REPEAT_MS = 1_000;

interface ClaimRow {
  readonly fence: number;
  readonly attemptNumber: number;
  readonly startedAt: Date;
  readonly attemptStartedAt: Date;
  readonly remainingMs: number;
  /** Milliseconds since it started, maybe on another server, by the clock of the database. */
  readonly ageMs: number;
  readonly storeAtProvider: boolean;
}

interface Claim {
  readonly row: ClaimRow;
  /** Monotonic milliseconds, just before the moment that the times of the row count from. */
  readonly askedAtMs: number;
}

/** An execution that this server took out of the queue. */
export interface ClaimedExecution {
  readonly running: RunningExecution;
  /** Monotonic milliseconds. */
  readonly deadlineAt: number;
}

/** The way of an execution from the queue to a server. */
@Injectable()
export class QueuedExecutions {
  constructor(
    private readonly dataSource: DataSource,
    private readonly tenants: TenantDatabase,
    private readonly identity: ServerIdentity,
    private readonly starts: ExecutionStarts,
    private readonly requests: QueuedRequests,
  ) {}

  /**
   * Notes that this server looks at it now, before anything of it is opened.
   * @returns how many servers died with it before they had claimed it; null when it does not wait any more, or is
   * about to be withdrawn.
   */
  async takeUp({ executionId, workspaceId }: WakeUp): Promise<number | null> {
    if (this.starts.has(executionId)) return null;
    const values = [executionId, workspaceId, this.identity.id];
    const [row] = await this.dataSource.query<{ lostTakes: number | null }[]>(TAKE_UP, values);
    return row?.lostTakes ?? null;
  }

  /** @returns null when it does not wait any more: another server has it, or it has ended or is deleted. */
  find(wakeUp: WakeUp): Promise<QueuedExecution | null> {
    return this.requests.find(wakeUp);
  }

  /**
   * Takes it and writes its next attempt ahead. Not twice at once for one execution: an answer that gets lost is
   * asked for again, and then what this server has taken is what was taken here.
   * @returns null when another server was first.
   */
  async claim(
    { record, sealer }: QueuedExecution,
    apiKeyId: string | null,
  ): Promise<ClaimedExecution | null> {
    const claim = await this.take(record, apiKeyId);
    if (claim === null) return null;
    const { row, askedAtMs } = claim;
    const { provider, model } = record;
    const attempt = {
      ...{ number: row.attemptNumber, provider, model, apiKeyId },
      startedAt: row.attemptStartedAt,
      outcome: null,
    };
    const running: RunningExecution = {
      record: {
        ...record,
        ...{ status: 'running', fence: row.fence, startedAt: row.startedAt, apiKeyId },
        attempts: [...record.attempts, attempt],
      },
      settings: { onDisconnect: 'finish', storeAtProvider: row.storeAtProvider },
      start: null,
      sealer,
      startedAtMs: askedAtMs - Math.max(0, row.ageMs),
      attemptStartedAtMs: performance.now(),
    };
    return { running, deadlineAt: askedAtMs + row.remainingMs };
  }

  private async take(
    { id, workspaceId }: ExecutionRecord,
    apiKeyId: string | null,
  ): Promise<Claim | null> {
    for (let failures = 0; ; failures += 1) {
      const askedAtMs = performance.now();
      try {
        const values = [id, workspaceId, this.identity.id, apiKeyId];
        const [row] = await this.dataSource.query<ClaimRow[]>(CLAIM, values);
        if (row !== undefined) return { row, askedAtMs };
        return failures === 0 ? null : await this.taken(id, workspaceId);
      } catch (error) {
        if (!this.dataSource.isInitialized) throw error;
        await delay(REPEAT_MS, undefined, { ref: false });
      }
    }
  }

  private async taken(id: string, workspaceId: string): Promise<Claim | null> {
    const askedAtMs = performance.now();
    const values = [id, this.identity.id];
    const [row] = await this.tenants.read(workspaceId, (manager) => {
      return manager.query<ClaimRow[]>(TAKEN, values);
    });
    return row === undefined ? null : { row, askedAtMs };
  }

  /** Ends it before it ran. */
  async fail(
    execution: Pick<ExecutionRecord, 'id' | 'workspaceId'>,
    failure: ExecutionFailure,
  ): Promise<void> {
    await this.requests.fail(execution, failure);
  }
}
