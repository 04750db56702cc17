import {
  type Billed,
  type ExecuteParams,
  type ExecutionOutput,
  type FinishReason,
  type PriceSnapshot,
  PROVIDER_ERROR_CATEGORIES,
  type Usage,
} from '../../ai-providers';
import type { ErrorCode } from '../../common';
import type { ExecutionMode, ExecutionStatus } from './execution-status';

/** Why an execution failed: at the provider, before it was called, or because the server that ran it died. */
export const FAILURE_CATEGORIES = [
  ...PROVIDER_ERROR_CATEGORIES,
  'provider_key_missing',
  'provider_key_unreadable',
  'ledger_unavailable',
  'content_unreadable',
  'interrupted',
] as const satisfies readonly ErrorCode[];

/** One of {@link FAILURE_CATEGORIES}. */
export type FailureCategory = (typeof FAILURE_CATEGORIES)[number];

/** What was asked of the model, as it is stored and shown. */
export type StoredRequest = ExecuteParams;

/** What was used and what it cost; null: not known. */
export interface ExecutionTotals {
  readonly usage: Usage | null;
  readonly costNanoUsd: bigint | null;
}

/** Why an execution failed, as it is stored and shown. */
export interface ExecutionFailure {
  readonly category: FailureCategory;
  readonly code: ErrorCode;
  /** Our own words; never a provider's text. */
  readonly message: string;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  readonly billed: Billed;
}

/** How one attempt ended. */
export interface AttemptOutcome {
  /** Null: it succeeded. */
  readonly errorCategory: FailureCategory | null;
  readonly billed: Billed;
  readonly upstreamStatus: number | null;
  readonly upstreamCode: string | null;
  readonly providerRequestId: string | null;
  /** The model that answered. */
  readonly model: string | null;
  readonly usage: Usage | null;
  /** Null: unpriced, or not known to be billed. */
  readonly costNanoUsd: bigint | null;
  readonly price: PriceSnapshot | null;
  readonly latencyMs: number;
  /** Milliseconds until the next attempt; null: there was none. */
  readonly waitMs: number | null;
}

/** One upstream request. Without an outcome: maybe sent, maybe billed. */
export interface AttemptRecord {
  readonly number: number;
  readonly provider: string;
  readonly model: string;
  readonly apiKeyId: string | null;
  readonly startedAt: Date;
  readonly outcome: AttemptOutcome | null;
}

/** What of an execution is sealed. */
export const CONTENT_FIELDS = ['request', 'output'] as const;

/** One of {@link CONTENT_FIELDS}. */
export type ContentField = (typeof CONTENT_FIELDS)[number];

/** An execution with its attempts: what the ledger holds of it. */
export interface ExecutionRecord {
  readonly id: string;
  readonly workspaceId: string;
  readonly agentId: string;
  readonly provider: string;
  readonly model: string;
  readonly status: ExecutionStatus;
  readonly mode: ExecutionMode;
  readonly fence: number;
  readonly apiKeyId: string | null;
  readonly finishReason: FinishReason | null;
  /** What was asked; null: not stored, or not read. */
  readonly request: StoredRequest | null;
  /** Of a broken-off one: what had come until then. Null: none, or not stored. */
  readonly output: ExecutionOutput | null;
  /** What is stored but does not open, and so is null. */
  readonly unreadable: readonly ContentField[];
  readonly error: ExecutionFailure | null;
  readonly usage: Usage | null;
  readonly costNanoUsd: bigint | null;
  readonly metadata: Readonly<Record<string, unknown>> | null;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly completedAt: Date | null;
  readonly latencyMs: number | null;
  readonly timeToFirstTokenMs: number | null;
  readonly attempts: readonly AttemptRecord[];
  /** When its server was asked to end it before its time. Absent unless it was read from the ledger. */
  readonly cancelRequestedAt?: Date | null;
}
