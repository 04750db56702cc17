import type { ExecutionOutput, FinishReason } from '../../ai-providers';
import type { AssumedApiKey } from '../../api-keys';
import type { AssumedAccess } from '../../workspaces';
import type { AttemptOutcome, ExecutionFailure, ExecutionTotals } from './execution-record';
import type { ExecutionMode } from './execution-status';

/** Which attempt of which execution, and the fence under which its server holds it. */
export interface AttemptKey {
  readonly executionId: string;
  readonly workspaceId: string;
  readonly attemptNumber: number;
  readonly fence: number;
}

/** A client's key, and what it stands for. */
export interface IdempotencyClaim {
  /** 1–255 characters. */
  readonly key: string;
  /** SHA-256 of what was asked, hexadecimal. */
  readonly fingerprint: string;
}

export interface ExecutionStart {
  /** UUIDv7. */
  readonly id: string;
  readonly workspaceId: string;
  readonly agentId: string;
  readonly provider: string;
  readonly model: string;
  readonly apiKeyId: string | null;
  readonly metadata: Readonly<Record<string, unknown>> | null;
  /** Total deadline in milliseconds. */
  readonly timeoutMs: number;
  readonly mode: ExecutionMode;
  /** What is asked, sealed. Stored if the workspace keeps content, and always for an asynchronous execution. */
  readonly request: Buffer | null;
  readonly idempotency: IdempotencyClaim | null;
}

/** What was so a moment ago and must still be so when an execution starts. Null: it was read for this start. */
export interface StartAssumptions {
  readonly access: AssumedAccess | null;
  readonly apiKey: AssumedApiKey | null;
  readonly storeAtProvider: boolean | null;
}

export const NOTHING_ASSUMED: StartAssumptions = {
  access: null,
  apiKey: null,
  storeAtProvider: null,
};

/** What it takes to record an execution once more that the database lost. Without what was asked, which is long. */
export interface LostStart {
  /** With the first attempt. Null: another server may run it when it is back in the queue. */
  readonly start: StartRow | null;
  /** All others. */
  readonly attempts: readonly (ReturnType<typeof attemptRow> & { readonly started_at: string })[];
  /** Of those before the last. */
  readonly outcomes: readonly ReturnType<typeof outcomeRow>[];
}

export interface Settlement {
  readonly status: 'completed' | 'failed' | 'cancelled';
  readonly outcome: AttemptOutcome;
  /** Over all attempts. */
  readonly totals: ExecutionTotals;
  readonly finishReason: FinishReason | null;
  readonly error: ExecutionFailure | null;
  readonly output: ExecutionOutput | null;
  /** The same, sealed; null: not stored. */
  readonly sealedOutput: Buffer | null;
  /** Start, by the clock of the database, and the time since then: the same however often it is recorded. */
  readonly completedAt: Date;
  readonly latencyMs: number;
  readonly timeToFirstTokenMs: number | null;
  /** Absent when the receipt comes from somebody who did not run it. */
  readonly lostStart?: LostStart;
}

/** What `start_executions` reads of one row. */
export type StartRow = ReturnType<typeof startRow> & Partial<ReturnType<typeof assumptionsRow>>;

/** What `start_confirmed_executions` reads of one row beside. */
export function assumptionsRow({ access, apiKey, storeAtProvider }: StartAssumptions) {
  return {
    assumed_access: access && {
      digest: access.credential.digest.toString('hex'),
      role: access.role,
      scopes: access.scopes,
      agent_id: access.agentId,
    },
    assumed_key: apiKey && {
      wanted_id: apiKey.wantedId,
      encrypted_key: apiKey.encryptedKey,
      base_url: apiKey.baseUrl,
    },
    assumed_store_at_provider: storeAtProvider,
  };
}

export function startRow(
  start: ExecutionStart,
  server: { ownerId: string; storeContent: string; idempotencySeconds: number },
) {
  return {
    id: start.id,
    workspace_id: start.workspaceId,
    agent_id: start.agentId,
    provider: start.provider,
    model: start.model,
    api_key_id: start.apiKeyId,
    metadata: start.metadata,
    timeout_ms: start.timeoutMs,
    mode: start.mode,
    owner_id: server.ownerId,
    store_content: server.storeContent,
    request: start.request?.toString('base64'),
    idempotency_key: start.idempotency?.key,
    fingerprint: start.idempotency?.fingerprint,
    idempotency_seconds: start.idempotency === null ? undefined : server.idempotencySeconds,
  };
}

/** What `start_attempts` reads of one row. */
export function attemptRow(
  key: AttemptKey,
  { provider, model, apiKeyId }: Pick<ExecutionStart, 'provider' | 'model' | 'apiKeyId'>,
) {
  return {
    execution_id: key.executionId,
    attempt_number: key.attemptNumber,
    workspace_id: key.workspaceId,
    fence: key.fence,
    provider,
    model,
    api_key_id: apiKeyId,
  };
}

/** What `record_outcomes` reads of one row. */
export function outcomeRow(key: AttemptKey, outcome: AttemptOutcome) {
  return {
    execution_id: key.executionId,
    attempt_number: key.attemptNumber,
    workspace_id: key.workspaceId,
    error_category: outcome.errorCategory,
    billed: outcome.billed,
    upstream_status: outcome.upstreamStatus,
    upstream_code: outcome.upstreamCode,
    provider_request_id: outcome.providerRequestId,
    model: outcome.model,
    ...usageColumns('', outcome),
    price: outcome.price,
    latency_ms: outcome.latencyMs,
    wait_ms: outcome.waitMs,
  };
}

/**
 * What `settle_executions` reads of one row, and what may be needed before. The receipt journal keeps it too: all of it
 * is plain JSON but the sealed answer, which is long and goes beside it.
 */
export type SettlementRow = ReturnType<typeof settlementRow>;

export function settlementRow(key: AttemptKey, settlement: Settlement) {
  return {
    ...outcomeRow(key, settlement.outcome),
    fence: key.fence,
    status: settlement.status,
    finish_reason: settlement.finishReason,
    error: settlement.error,
    completed_at: settlement.completedAt.toISOString(),
    execution_latency_ms: settlement.latencyMs,
    time_to_first_token_ms: settlement.timeToFirstTokenMs,
    ...usageColumns('total_', settlement.totals),
    sealedOutput: settlement.sealedOutput,
    lostStart: settlement.lostStart,
  };
}

/** The row as the receipt journal keeps it. */
export function toReceipt({ sealedOutput, ...row }: SettlementRow): [string, Buffer | null] {
  return [JSON.stringify(row), sealedOutput];
}

/** The row that the receipt journal kept. */
export function fromReceipt(receipt: string, sealedOutput: Buffer | null): SettlementRow {
  return { ...(JSON.parse(receipt) as Omit<SettlementRow, 'sealedOutput'>), sealedOutput };
}

/** What `settle_executions` takes: the rows, and their sealed answers one after the other; each row says where. */
export function settleParameters(rows: readonly SettlementRow[]): [string, Buffer | null] {
  const outputs: Buffer[] = [];
  let end = 0;
  const placed = rows.map((row) => {
    const { sealedOutput } = row;
    const place = { output_start: end + 1, output_bytes: sealedOutput?.length };
    if (sealedOutput !== null) {
      outputs.push(sealedOutput);
      end += sealedOutput.length;
    }
    return { ...row, ...place, lostStart: undefined, sealedOutput: undefined };
  });
  const [only = null] = outputs;
  return [JSON.stringify(placed), outputs.length > 1 ? Buffer.concat(outputs) : only];
}

function usageColumns(prefix: string, { usage, costNanoUsd }: ExecutionTotals) {
  return {
    [`${prefix}input_tokens`]: usage?.inputTokens,
    [`${prefix}output_tokens`]: usage?.outputTokens,
    [`${prefix}cache_read_tokens`]: usage?.cacheReadTokens,
    [`${prefix}cache_write_tokens`]: usage?.cacheWriteTokens,
    [`${prefix}reasoning_tokens`]: usage?.reasoningTokens,
    [`${prefix}usage_source`]: usage?.source,
    [`${prefix}cost_nano_usd`]: costNanoUsd?.toString(),
  };
}
