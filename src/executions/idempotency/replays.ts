import { Injectable } from '@nestjs/common';
import { MoreThan } from 'typeorm';
import { AppError } from '../../common';
import { TenantDatabase } from '../../database';
import type { IdempotencyKeyTaken } from '../ledger/refused-start';
import { ExecutionQueries } from '../ledger/execution-queries';
import type { ExecutionRecord } from '../ledger/execution-record';
import { isTerminal } from '../ledger/execution-status';
import type { IdempotencyClaim } from '../ledger/ledger-rows';
import { IdempotencyKeyEntity } from '../ledger/lifecycle.entity';

const IN_FLIGHT_RETRY_AFTER_MS = 1_000;
/** Says that an answer is that of an earlier request. */
export const REPLAYED = { 'Idempotent-Replayed': 'true' };

/** What a client gets that repeats a request under its `Idempotency-Key`. */
@Injectable()
export class Replays {
  constructor(
    private readonly queries: ExecutionQueries,
    private readonly tenants: TenantDatabase,
  ) {}

  /**
   * The same before anything is opened or looked up, so that a repetition needs nothing but the first request.
   * @returns null when the key is new.
   */
  async findEarlier(workspaceId: string, claim: IdempotencyClaim): Promise<ExecutionRecord | null> {
    const taken = await this.tenants.read(workspaceId, (manager) =>
      manager.findOneBy(IdempotencyKeyEntity, {
        workspaceId,
        key: claim.key,
        expiresAt: MoreThan(new Date()),
      }),
    );
    return taken === null ? null : this.find(workspaceId, claim, taken);
  }

  /**
   * The execution that the first request started, failed ones included.
   * @throws {AppError} `idempotency_key_reused` for another request under the same key, `idempotency_in_flight`
   * while the first runs, unless that is asynchronous and its answer was the queued execution.
   */
  async find(
    workspaceId: string,
    claim: IdempotencyClaim,
    taken: Pick<IdempotencyKeyTaken, 'executionId' | 'fingerprint'>,
  ): Promise<ExecutionRecord> {
    if (taken.fingerprint !== claim.fingerprint) throw new AppError('idempotency_key_reused');
    const record = await this.queries.get(workspaceId, taken.executionId);
    if (isTerminal(record.status) || record.mode === 'async') return record;
    throw new AppError('idempotency_in_flight', undefined, {
      retryAfterMs: IN_FLIGHT_RETRY_AFTER_MS,
      headers: { Location: `/api/workspaces/${workspaceId}/executions/${record.id}` },
      extensions: { executionId: record.id },
    });
  }
}
