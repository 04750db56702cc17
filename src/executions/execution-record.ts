import type {
  Billed,
  ExecutionOutput,
  FinishReason,
  PriceSnapshot,
  ProviderErrorCategory,
  Usage,
} from '../ai-providers';
import type { ErrorCode } from '../common';
import type { ExecutionStatus } from './execution-status';

/** Why an execution failed, as it is stored and shown. */
export interface ExecutionFailure {
  readonly category: ProviderErrorCategory;
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
  readonly errorCategory: ProviderErrorCategory | null;
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

/** An execution with its attempts: what the ledger holds of it. */
export interface ExecutionRecord {
  readonly id: string;
  readonly workspaceId: string;
  readonly agentId: string;
  readonly provider: string;
  readonly model: string;
  readonly status: ExecutionStatus;
  readonly apiKeyId: string | null;
  readonly finishReason: FinishReason | null;
  readonly output: ExecutionOutput | null;
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
}
