import { Injectable } from '@nestjs/common';
import type { Request } from 'express';
import { v7 as uuidv7 } from 'uuid';
import type { ExecuteParams } from '../ai-providers';
import { ApiKeyCredentials, type ResolvedCredential } from '../api-keys';
import { AppError } from '../common';
import { type AssumedAccess, assumedAccess } from '../workspaces';
import { AsyncExecutions } from './async/async-executions';
import { type CreateExecutionDto, DEFAULT_TIMEOUT_MS, toParams } from './dto/create-execution.dto';
import { IdempotencyKeyTaken } from './ledger/refused-start';
import { readIdempotencyKey } from './idempotency/idempotency-claim';
import { Replays } from './idempotency/replays';
import { ExecutionQueries } from './ledger/execution-queries';
import type { ExecutionRecord } from './ledger/execution-record';
import type { ExecutionMode } from './ledger/execution-status';
import type { IdempotencyClaim } from './ledger/ledger-rows';

/** What a request asks for, before anything is opened or written. */
export interface AskedExecution {
  readonly id: string;
  readonly workspaceId: string;
  readonly agentId: string;
  readonly providerType: string;
  readonly params: ExecuteParams;
  readonly apiKeyId: string | null;
  readonly timeoutMs: number;
  readonly metadata: Readonly<Record<string, unknown>> | null;
  readonly mode: ExecutionMode;
  readonly idempotency: IdempotencyClaim | null;
  /** Who asks, as far as the start has to confirm it; null: it was made sure of. */
  readonly assumedAccess: AssumedAccess | null;
}

/** Which execution the client gets, and whether an earlier request started it. */
export interface AcceptedExecution {
  readonly record: ExecutionRecord;
  readonly isReplay: boolean;
}

const RESPOND_ASYNC = /(^|,)\s*respond-async\s*(;|,|$)/i;

/** The way of a request into the ledger or into the queue. */
@Injectable()
export class ExecutionIntake {
  /** A start that is tried once more is of the same execution, whose id was recorded when the key was opened. */
  private readonly ids = new WeakMap<Request, string>();

  constructor(
    private readonly credentials: ApiKeyCredentials,
    private readonly queue: AsyncExecutions,
    private readonly queries: ExecutionQueries,
    private readonly replays: Replays,
  ) {}

  /** @throws {AppError} `unprocessable` for a stream that nobody reads, `validation_failed` for a bad key. */
  read(workspaceId: string, body: CreateExecutionDto, request: Request): AskedExecution {
    const isAsync = RESPOND_ASYNC.test(request.get('prefer') ?? '');
    if (isAsync && body.stream === true) {
      const detail = 'Ask for a stream or for respond-async; an asynchronous one has …/stream.';
      throw new AppError('unprocessable', detail);
    }
    const mode = isAsync ? 'async' : body.stream === true ? 'stream' : 'sync';
    const asked = { route: 'POST executions', workspaceId, mode, body };
    const id = this.ids.get(request) ?? uuidv7();
    this.ids.set(request, id);
    return {
      id,
      workspaceId,
      agentId: body.agentId,
      providerType: body.provider,
      params: toParams(body),
      apiKeyId: body.apiKeyId ?? null,
      timeoutMs: body.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      metadata: body.metadata ?? null,
      mode,
      idempotency: readIdempotencyKey(request.get('idempotency-key'), asked),
      assumedAccess: assumedAccess(request),
    };
  }

  /** What an earlier request under the same key started; null: nothing. @throws {AppError} as {@link Replays.find}. */
  async findEarlier({ workspaceId, idempotency }: AskedExecution): Promise<ExecutionRecord | null> {
    return idempotency === null ? null : this.replays.findEarlier(workspaceId, idempotency);
  }

  /** Opens the key that pays. @throws {AppError} as {@link ApiKeyCredentials.resolve}. */
  resolve(asked: AskedExecution): Promise<ResolvedCredential> {
    return this.credentials.resolve({
      workspaceId: asked.workspaceId,
      provider: asked.providerType,
      keyId: asked.apiKeyId ?? undefined,
      purpose: asked.id,
      mayRecall: asked.assumedAccess !== null,
    });
  }

  /**
   * Puts it into the queue. The key is looked up now, so that a missing one is told at once, and opened when it runs.
   * @throws {AppError} `provider_key_missing`, `too_many_requests`, `ledger_unavailable`, `acceptance_unknown`,
   * `idempotency_key_reused`.
   */
  async enqueue(asked: AskedExecution): Promise<AcceptedExecution> {
    const { providerType: provider, idempotency, workspaceId, id, ...rest } = asked;
    const keyId = asked.apiKeyId ?? undefined;
    await this.credentials.check({ workspaceId, provider, keyId, purpose: id });
    try {
      await this.queue.enqueue({ ...rest, id, workspaceId, provider, idempotency });
    } catch (error) {
      if (!(error instanceof IdempotencyKeyTaken) || idempotency === null) throw error;
      return { record: await this.replays.find(workspaceId, idempotency, error), isReplay: true };
    }
    return { record: await this.readOrDescribe(asked), isReplay: false };
  }

  /** It is queued, whether or not it can be read just now. */
  private async readOrDescribe(asked: AskedExecution): Promise<ExecutionRecord> {
    try {
      return await this.queries.get(asked.workspaceId, asked.id);
    } catch (error) {
      if (error instanceof AppError) throw error;
      return describeQueued(asked);
    }
  }
}

function describeQueued(asked: AskedExecution): ExecutionRecord {
  const { id, workspaceId, agentId, params, apiKeyId, metadata, mode } = asked;
  return {
    ...{ id, workspaceId, agentId, apiKeyId, metadata, mode },
    ...{ provider: asked.providerType, model: params.model, status: 'queued', fence: 1 },
    ...{ request: null, output: null, unreadable: [], finishReason: null, error: null },
    ...{ usage: null, costNanoUsd: null, attempts: [] },
    ...{ createdAt: new Date(), startedAt: null, completedAt: null },
    ...{ latencyMs: null, timeToFirstTokenMs: null },
  };
}
