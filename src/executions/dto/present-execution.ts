import { formatUsd, type PriceSnapshot } from '../../ai-providers';
import type { AttemptRecord, ExecutionFailure, ExecutionRecord } from '../ledger/execution-record';
import { toPublicStatus } from '../ledger/execution-status';
import type {
  AttemptResponse,
  ExecutionDetailResponse,
  ExecutionResponse,
  ExecutionSummaryResponse,
  ReceiptResponse,
} from './execution.response';

/** An execution as a list shows it. */
export function presentSummary(record: ExecutionRecord): ExecutionSummaryResponse {
  const { id, workspaceId, agentId, provider, model, finishReason, mode } = record;
  const error = presentFailure(record.error);
  const status = toPublicStatus(record.status);
  const { usage, apiKeyId, metadata, timeToFirstTokenMs } = record;
  return {
    ...{ id, workspaceId, agentId, provider, model, status, mode, finishReason, error, usage },
    costUsd: presentCost(record.costNanoUsd),
    ...{ apiKeyId, metadata },
    createdAt: record.createdAt.toISOString(),
    startedAt: record.startedAt?.toISOString() ?? null,
    completedAt: record.completedAt?.toISOString() ?? null,
    // One that went back to the queue has that of its first server so far.
    latencyMs: record.completedAt === null ? null : record.latencyMs,
    timeToFirstTokenMs,
  };
}

/** An execution with everything, what was asked included. */
export function presentDetail(record: ExecutionRecord): ExecutionDetailResponse {
  const { request, unreadable } = record;
  return Object.assign(presentExecution(record), { request, unreadable });
}

/** An execution with its answer, as it is told to whoever asked for it. */
export function presentExecution(record: ExecutionRecord): ExecutionResponse {
  return {
    ...presentSummary(record),
    output: record.output,
    unreadable: record.unreadable.filter((field) => field === 'output'),
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
  return {
    ...{ apiKeyId: paying.apiKeyId, model, providerRequestId, costUsd },
    price: presentPrice(price),
  };
}

/** One order of the members, wherever they come from: an answer that is told again is the same text. */
function presentPrice(price: PriceSnapshot | null): PriceSnapshot | null {
  if (price === null) return null;
  const { catalogue, model, inputNanoUsdPerMillion, outputNanoUsdPerMillion } = price;
  const { cacheReadNanoUsdPerMillion, cacheWriteNanoUsdPerMillion } = price;
  return {
    ...{ catalogue, model, inputNanoUsdPerMillion, outputNanoUsdPerMillion },
    ...{ cacheReadNanoUsdPerMillion, cacheWriteNanoUsdPerMillion },
  };
}

function presentFailure(failure: ExecutionFailure | null): ExecutionFailure | null {
  if (failure === null) return null;
  const { category, code, message, retryable, billed } = failure;
  return { category, code, message, retryable, billed };
}

function presentCost(nanoUsd: bigint | null): string | null {
  return nanoUsd === null ? null : formatUsd(nanoUsd);
}
