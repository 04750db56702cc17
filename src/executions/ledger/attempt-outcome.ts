import type { Billed, ExecuteResult, ProviderError, Usage } from '../../ai-providers';
import { ERROR_CATALOGUE, type ErrorCode } from '../../common';
import type {
  AttemptOutcome,
  AttemptRecord,
  ExecutionFailure,
  ExecutionTotals,
  FailureCategory,
} from './execution-record';

const FOREIGN_TEXT_LENGTH_MAX = 200;

/** The outcome of an attempt that answered. */
export function succeeded(result: ExecuteResult, latencyMs: number): AttemptOutcome {
  return {
    errorCategory: null,
    billed: 'yes',
    upstreamStatus: null,
    upstreamCode: null,
    providerRequestId: plain(result.providerRequestId),
    model: plain(result.model),
    usage: result.usage,
    costNanoUsd: result.cost?.nanoUsd ?? null,
    price: result.cost?.price ?? null,
    latencyMs,
    waitMs: null,
  };
}

/**
 * The outcome of an attempt that failed, with what was used until then.
 * @param waitMs - milliseconds until the next attempt; null: there is none.
 */
export function failed(
  error: ProviderError,
  latencyMs: number,
  waitMs: number | null,
): AttemptOutcome {
  return {
    errorCategory: error.category,
    billed: error.billed,
    upstreamStatus: error.upstreamStatus ?? null,
    upstreamCode: plain(error.upstreamCode),
    providerRequestId: plain(error.providerRequestId),
    model: plain(error.model),
    usage: error.usage ?? null,
    costNanoUsd: error.cost?.nanoUsd ?? null,
    price: error.cost?.price ?? null,
    latencyMs,
    waitMs,
  };
}

/** Usage and cost over all attempts: what broke off may have cost as well. */
export function totalsOf(attempts: readonly AttemptRecord[]): ExecutionTotals {
  let usage: Usage | null = null;
  let costNanoUsd: bigint | null = null;
  for (const { outcome } of attempts) {
    if (outcome?.usage != null) usage = usage === null ? outcome.usage : sum(usage, outcome.usage);
    if (outcome?.costNanoUsd != null) costNanoUsd = (costNanoUsd ?? 0n) + outcome.costNanoUsd;
  }
  return { usage, costNanoUsd };
}

function sum(one: Usage, other: Usage): Usage {
  return {
    inputTokens: one.inputTokens + other.inputTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    cacheReadTokens: one.cacheReadTokens + other.cacheReadTokens,
    cacheWriteTokens: one.cacheWriteTokens + other.cacheWriteTokens,
    reasoningTokens: one.reasoningTokens + other.reasoningTokens,
    source: one.source === other.source ? one.source : 'estimated',
  };
}

/** The failure of a provider call, in our own words. */
export function describeFailure({ category, retry, billed }: ProviderError): ExecutionFailure {
  return { ...describeCode(category), retryable: retry !== 'never', billed };
}

/** A failure before anything was sent. */
export function notSent(category: FailureCategory): ExecutionFailure {
  return { ...describeCode(category), retryable: true, billed: 'no' };
}

/** It was cancelled while nothing was in flight. `billed` is what its attempts left open. */
export function cancelledUnsent(billed: Billed): ExecutionFailure {
  return { ...describeCode('cancelled'), retryable: false, billed };
}

/** A call that this server broke off because it shuts down. */
export function interrupted(billed: Billed): ExecutionFailure {
  return { ...describeCode('interrupted'), retryable: true, billed };
}

/** The database refuses what is to be recorded of a call: a fault of ours, whatever the provider answered. */
export function unrecordable(billed: Billed): ExecutionFailure {
  return { ...describeCode('internal'), retryable: false, billed };
}

/** What is said of an execution whose server died while a call was in flight. */
export const INTERRUPTED_MESSAGE = wordsOf('interrupted');

function describeCode(category: FailureCategory) {
  return { category, code: category, message: wordsOf(category) };
}

function wordsOf(code: ErrorCode): string {
  const { title, remedy } = ERROR_CATALOGUE[code];
  return `${title}. ${remedy}`;
}

/** Short text that a provider chose, as it is stored and shown: without what PostgreSQL refuses. */
function plain(text: string | null | undefined): string | null {
  return text?.slice(0, FOREIGN_TEXT_LENGTH_MAX).replace(/[\p{Cc}\p{Cs}]/gu, '') ?? null;
}
