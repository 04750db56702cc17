import { formatUsd } from '../../ai-providers';
import type { AttemptRecord, ExecutionRecord } from '../execution-record';
import type {
  AttemptResponse,
  ExecutionResponse,
  ExecutionSummaryResponse,
  ReceiptResponse,
} from './execution.response';

/** An execution as a list shows it. */
export function presentSummary(record: ExecutionRecord): ExecutionSummaryResponse {
  const { id, workspaceId, agentId, provider, model, status, finishReason, error } = record;
  const { usage, apiKeyId, metadata, latencyMs, timeToFirstTokenMs } = record;
  return {
    ...{ id, workspaceId, agentId, provider, model, status, finishReason, error, usage },
    costUsd: presentCost(record.costNanoUsd),
    ...{ apiKeyId, metadata },
    createdAt: record.createdAt.toISOString(),
    startedAt: record.startedAt?.toISOString() ?? null,
    completedAt: record.completedAt?.toISOString() ?? null,
    ...{ latencyMs, timeToFirstTokenMs },
  };
}

/** An execution with everything. */
export function presentExecution(record: ExecutionRecord): ExecutionResponse {
  return {
    ...presentSummary(record),
    output: record.output,
    attempts: record.attempts.map(presentAttempt),
    receipt: presentReceipt(record.attempts.at(-1)),
  };
}

function presentAttempt(attempt: AttemptRecord): AttemptResponse {
  const { number, provider, model, apiKeyId, outcome } = attempt;
  return {
    ...{ number, provider, model, apiKeyId },
    startedAt: attempt.startedAt.toISOString(),
    status: outcome === null ? 'unknown' : outcome.errorCategory === null ? 'succeeded' : 'failed',
    errorCategory: outcome?.errorCategory ?? null,
    billed: outcome?.billed ?? 'unknown',
    latencyMs: outcome?.latencyMs ?? null,
    waitMs: outcome?.waitMs ?? null,
    upstreamStatus: outcome?.upstreamStatus ?? null,
    upstreamCode: outcome?.upstreamCode ?? null,
    providerRequestId: outcome?.providerRequestId ?? null,
    usage: outcome?.usage ?? null,
    costUsd: presentCost(outcome?.costNanoUsd ?? null),
  };
}

function presentReceipt(paying: AttemptRecord | undefined): ReceiptResponse | null {
  if (paying?.outcome == null || paying.outcome.errorCategory !== null) return null;
  const { model, providerRequestId, costNanoUsd, price } = paying.outcome;
  const costUsd = presentCost(costNanoUsd);
  return { apiKeyId: paying.apiKeyId, model, providerRequestId, costUsd, price };
}

function presentCost(nanoUsd: bigint | null): string | null {
  return nanoUsd === null ? null : formatUsd(nanoUsd);
}
