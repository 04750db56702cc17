import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { ProgressWatch } from '../../common';
import { Environment } from '../../config';
import { type PreparedStatement, PreparedStatements } from '../../database';
import { ServerIdentity } from '../lifecycle/server-identity';
import type { AttemptOutcome, ExecutionFailure } from './execution-record';
import { GroupCommit, type GroupCommitOptions, isFaultOfARow } from './group-commit';
import { toLedgerError } from './ledger-errors';
import { unlessThere, unlessUnheard, writeAhead } from './repeated-writes';
import {
  assumptionsRow,
  type AttemptKey,
  attemptRow,
  type ExecutionStart,
  type LostStart,
  NOTHING_ASSUMED,
  outcomeRow,
  settleParameters,
  type SettlementRow,
  type StartRow,
  startRow,
} from './ledger-rows';
import {
  END_QUEUED,
  RECORD_OUTCOME,
  RELEASE_KEY,
  RESTORE_ATTEMPTS,
  SETTLE,
  START,
  START_ATTEMPT,
} from './ledger-statements';
import { restoreRow, type SettledRow } from './lost-start';

const SECONDS_PER_HOUR = 3_600;
/** Measured (npm run bench): more at once make smaller groups, fewer leave the database idle between two. */
const CONCURRENCY = 4;
const ROWS_MAX = 128;
const BYTES_MAX = 4 * 1024 * 1024;
const WAITING_MAX = 10_000;
/**
 * Ticks of a tenth of a second without an answer, after which no start is kept waiting. One more than the pool allows,
 * so that what had no connection is known not to be sent.
 */
const STALLED_TICKS = 12;

/** What became of a start. */
export interface StartedRow {
  readonly executionId: string;
  readonly startedAt: Date;
  readonly storeContent: 'full' | 'metadata';
  readonly onDisconnect: 'finish' | 'cancel';
  readonly storeAtProvider: boolean;
  /** The execution that has the idempotency key already; then nothing was started. */
  readonly takenBy: string | null;
  readonly takenFingerprint: string | null;
  /** An assumption did not hold; then nothing was started. */
  readonly isOutdated: boolean;
}

interface Keyed {
  readonly execution_id: string;
}

/**
 * The statements of the ledger: the hot path. Each is a function of the database that takes many rows, with the
 * workspace in each, and commits them together; see {@link GroupCommit}.
 */
@Injectable()
export class ExecutionLedger {
  private readonly starts: GroupCommit<StartRow, StartedRow>;
  private readonly attempts: GroupCommit<Keyed, { startedAt: Date }>;
  private readonly outcomes: GroupCommit<Keyed, never>;
  private readonly settlements: GroupCommit<SettlementRow, object>;

  constructor(
    private readonly statements: PreparedStatements,
    private readonly environment: Environment,
    private readonly server: ServerIdentity,
  ) {
    const watch = new ProgressWatch(STALLED_TICKS);
    this.starts = this.group(START, (row: StartRow) => row.id, { bytesOf: sizeOfStart, watch });
    this.attempts = this.group(START_ATTEMPT, keyOf);
    this.outcomes = this.group(RECORD_OUTCOME, keyOf);
    this.settlements = this.group(SETTLE, keyOf, { bytesOf: sizeOfSettlement }, settleParameters);
  }

  /**
   * Commits the execution and, unless it is asynchronous, its first attempt, if all that was assumed still holds.
   * @returns what was started, or why nothing was: the assumptions, or the execution that has the idempotency key.
   * @throws {AppError} `ledger_unavailable`: nothing is written, so nothing may be sent.
   */
  async start(start: ExecutionStart, assumed = NOTHING_ASSUMED): Promise<StartedRow> {
    const row = { ...this.rowOf(start), ...assumptionsRow(assumed) };
    return writeAhead(() => this.starts.submit(row));
  }

  /** The same in the caller's transaction, for what must be committed together with it. */
  async startWithin(manager: EntityManager, start: ExecutionStart): Promise<StartedRow> {
    return writeAhead(async () => {
      const [row] = await manager.query<StartedRow[]>(START.text, [
        JSON.stringify([this.rowOf(start)]),
      ]);
      return row;
    });
  }

  /**
   * Commits a further attempt.
   * @throws {AppError} `ledger_unavailable`; `not_found` when the execution is gone with its workspace, or is not
   * this server's any more.
   */
  async startAttempt(
    key: AttemptKey,
    target: Pick<ExecutionStart, 'provider' | 'model' | 'apiKeyId'>,
  ): Promise<Date> {
    const write = () => this.attempts.submit(attemptRow(key, target));
    const row = await writeAhead(() => unlessUnheard(write, writtenUnheard));
    return row.startedAt;
  }

  /**
   * Commits how an attempt ended that is followed by another.
   * @throws {AppError} `ledger_unavailable`
   */
  async recordOutcome(key: AttemptKey, outcome: AttemptOutcome): Promise<void> {
    const write = () => this.outcomes.submit(outcomeRow(key, outcome));
    try {
      await unlessUnheard(write, () => undefined);
    } catch (error) {
      throw toLedgerError(error);
    }
  }

  /**
   * Commits the end of the execution with the outcome of its last attempt. A database may have lost the execution, its
   * claim or its latest attempts, with the last commits before a failover: they are made again first.
   * @returns false when there was nothing to settle any more: it has ended, or is gone with its workspace.
   */
  async settle(row: SettlementRow): Promise<boolean> {
    const { lostStart } = row;
    const isRetried = lostStart !== undefined && row.attempt_number > 1;
    // Where its further attempts are missing, it could be settled all the same.
    if (isRetried) await this.restore(lostStart, row);
    if ((await this.settlements.submit(row)) !== undefined) return true;
    if (lostStart === undefined || !(await this.startAgain(lostStart, row))) return false;
    return (await this.settlements.submit(row)) !== undefined;
  }

  /** Ends an execution that waits in the queue. @returns false when none with this id does. */
  async endQueued(
    { id, workspaceId }: Pick<ExecutionStart, 'id' | 'workspaceId'>,
    failure: ExecutionFailure,
    status: 'failed' | 'cancelled' = 'failed',
  ): Promise<boolean> {
    const values = [id, workspaceId, status, JSON.stringify(failure)];
    const [row] = await this.statements.run<{ ended: boolean }>(END_QUEUED, values);
    return row?.ended === true;
  }

  /** Forgets the idempotency key of an execution that was refused, so that the same request may run. */
  async releaseKey(workspaceId: string, executionId: string): Promise<void> {
    await this.statements.run(RELEASE_KEY, [workspaceId, executionId]);
  }

  /** @returns false when it cannot be, as when its workspace is gone. */
  private async startAgain(lost: LostStart, row: SettledRow): Promise<boolean> {
    const { start } = lost;
    if (start === null) return this.restore(lost, row);
    try {
      const started = await unlessThere(this.starts.submit(start));
      // Its key was free when it was lost, and somebody used it since.
      if (started?.takenBy != null)
        await unlessThere(this.starts.submit({ ...start, idempotency_key: undefined }));
    } catch (error) {
      if (isFaultOfARow(error)) return false;
      throw error;
    }
    return lost.attempts.length === 0 || this.restore(lost, row);
  }

  /** @returns false when it is not there, or has ended. */
  private async restore(lost: LostStart, row: SettledRow): Promise<boolean> {
    const values = [JSON.stringify(restoreRow(lost, row, this.server.id))];
    const [found] = await this.statements.run<{ isOpen: boolean }>(RESTORE_ATTEMPTS, values);
    return found?.isOpen === true;
  }

  /** The row that starts it. */
  rowOf(start: ExecutionStart): StartRow {
    return startRow(start, {
      ownerId: this.server.id,
      storeContent: this.environment.storeContent,
      idempotencySeconds: this.environment.idempotencyHours * SECONDS_PER_HOUR,
    });
  }

  private group<Row, Result>(
    statement: PreparedStatement,
    rowKey: (row: Row) => string,
    limits: Pick<GroupCommitOptions<Row, Result>, 'bytesOf' | 'watch'> = {},
    parametersOf = (rows: readonly Row[]): unknown[] => [JSON.stringify(rows)],
  ): GroupCommit<Row, Result> {
    return new GroupCommit<Row, Result>({
      run: async (rows) => {
        const parameters = parametersOf(rows);
        const results = await this.statements.run<{ executionId: string } & Result>(
          statement,
          parameters,
        );
        return new Map(results.map((result) => [result.executionId, result]));
      },
      ...limits,
      keyOf: rowKey,
      concurrency: CONCURRENCY,
      maxRows: ROWS_MAX,
      maxBytes: BYTES_MAX,
      maxWaiting: WAITING_MAX,
    });
  }
}

const writtenUnheard = () => ({ startedAt: new Date() });
const keyOf = (row: Keyed): string => row.execution_id;
const sizeOfSettlement = (row: SettlementRow): number => row.sealedOutput?.length ?? 0;
const sizeOfStart = (row: StartRow): number => row.request?.length ?? 0;
