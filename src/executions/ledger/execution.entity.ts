import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import type {
  Billed,
  FinishReason,
  PriceSnapshot,
  ProviderErrorCategory,
} from '../../ai-providers';
import type { ExecutionFailure } from './execution-record';
import type { ExecutionMode, ExecutionStatus } from './execution-status';

/** What a call used, as a vendor counted it: of an attempt, and the sum for its execution. */
abstract class MeteredEntity {
  @Column('integer', { name: 'input_tokens', nullable: true })
  inputTokens: number | null;

  @Column('integer', { name: 'output_tokens', nullable: true })
  outputTokens: number | null;

  @Column('integer', { name: 'cache_read_tokens', nullable: true })
  cacheReadTokens: number | null;

  @Column('integer', { name: 'cache_write_tokens', nullable: true })
  cacheWriteTokens: number | null;

  @Column('integer', { name: 'reasoning_tokens', nullable: true })
  reasoningTokens: number | null;

  @Column('text', { name: 'usage_source', nullable: true })
  usageSource: 'provider' | 'estimated' | null;
}

/**
 * One execution: the narrow row of the ledger. Written by the statements of `execution-ledger.ts`; this
 * class serves the reads and the comparison of the model with the migrations. Partitioned by id, which
 * carries the time (UUIDv7).
 */
@Entity('agent_executions')
@Index('agent_executions_workspace_id', ['workspaceId', 'id'])
@Index('agent_executions_agent_id', ['workspaceId', 'agentId', 'id'])
@Index('agent_executions_status', ['workspaceId', 'status', 'id'])
@Index('agent_executions_created_at', ['createdAt'])
@Index('agent_executions_running', ['ownerId'], { where: `status = 'running'` })
@Index('agent_executions_queued', ['wakeUpAt'], { where: `status = 'queued'` })
@Check(
  'agent_executions_status_known',
  `status IN ('queued', 'running', 'completed', 'failed', 'cancelled', 'interrupted')`,
)
@Check(
  'agent_executions_terminal',
  `(status IN ('completed', 'failed', 'cancelled', 'interrupted')) = (completed_at IS NOT NULL)`,
)
@Check('agent_executions_owned', `(status = 'running') = (owner_id IS NOT NULL)`)
@Check('agent_executions_mode', `mode IN ('sync', 'stream', 'async')`)
@Check(
  'agent_executions_completed_metered',
  `status <> 'completed' OR (input_tokens IS NOT NULL AND output_tokens IS NOT NULL AND usage_source IS NOT NULL)`,
)
@Check('agent_executions_cost', `cost_nano_usd >= 0`)
export class ExecutionEntity extends MeteredEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'agent_executions_pkey' })
  id: string;

  @Column('uuid', { name: 'workspace_id' })
  @ForeignKey('WorkspaceEntity', {
    name: 'agent_executions_workspace_id_fkey',
    onDelete: 'CASCADE',
  })
  workspaceId: string;

  @Column('text', { name: 'agent_id' })
  agentId: string;

  @Column('text')
  provider: string;

  @Column('text')
  model: string;

  @Column('text')
  status: ExecutionStatus;

  /** The key that pays; null for a provider without keys. Kept after the key is deleted. */
  @Column('uuid', { name: 'api_key_id', nullable: true })
  apiKeyId: string | null;

  @Column('text', { name: 'finish_reason', nullable: true })
  finishReason: FinishReason | null;

  @Column('jsonb', { nullable: true })
  error: ExecutionFailure | null;

  /** Integer nano-USD as text; null: unpriced or not billed. */
  @Column('bigint', { name: 'cost_nano_usd', nullable: true })
  costNanoUsd: string | null;

  /** `json`, not `jsonb`: as the client wrote it. */
  @Column('json', { nullable: true })
  metadata: Record<string, unknown> | null;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;

  @Column('timestamptz', { name: 'started_at', nullable: true })
  startedAt: Date | null;

  @Column('timestamptz', { name: 'completed_at', nullable: true })
  completedAt: Date | null;

  /** When the execution must be terminal. */
  @Column('timestamptz', { name: 'deadline_at' })
  deadlineAt: Date;

  @Column('integer', { name: 'latency_ms', nullable: true })
  latencyMs: number | null;

  @Column('integer', { name: 'time_to_first_token_ms', nullable: true })
  timeToFirstTokenMs: number | null;

  @Column('text', { default: 'sync' })
  mode: ExecutionMode;

  /** The server that runs it. */
  @Column('uuid', { name: 'owner_id', nullable: true })
  ownerId: string | null;

  /** Rises with every change of the owner; who holds an older one writes nothing. */
  @Column('integer', { default: 1 })
  fence: number;

  /** Total deadline in milliseconds. */
  @Column('integer', { name: 'timeout_ms', default: 600_000 })
  timeoutMs: number;

  @Column('timestamptz', { name: 'cancel_requested_at', nullable: true })
  cancelRequestedAt: Date | null;

  /** When a server was last told that it waits in the queue. */
  @Column('timestamptz', { name: 'wake_up_at', nullable: true })
  wakeUpAt: Date | null;

  /** The server that last took it out of the queue. */
  @Column('uuid', { name: 'taken_by', nullable: true })
  takenBy: string | null;

  /** How many servers died with it before they had claimed it. */
  @Column('smallint', { name: 'lost_takes', default: 0 })
  lostTakes: number;
}

/** One upstream request, committed before it is sent. Without an outcome: maybe sent, maybe billed. */
@Entity('execution_attempts')
@Check('execution_attempts_number', `attempt_number >= 1`)
export class ExecutionAttemptEntity {
  @PrimaryColumn('uuid', {
    name: 'execution_id',
    primaryKeyConstraintName: 'execution_attempts_pkey',
  })
  executionId: string;

  @PrimaryColumn('smallint', {
    name: 'attempt_number',
    primaryKeyConstraintName: 'execution_attempts_pkey',
  })
  attemptNumber: number;

  @Column('uuid', { name: 'workspace_id' })
  workspaceId: string;

  @Column('text')
  provider: string;

  @Column('text')
  model: string;

  @Column('uuid', { name: 'api_key_id', nullable: true })
  apiKeyId: string | null;

  @Column('timestamptz', { name: 'started_at' })
  startedAt: Date;
}

/** How an attempt ended. Append-only: a later finding is a new revision. */
@Entity('attempt_outcomes')
@Check('attempt_outcomes_billed', `billed IN ('no', 'yes', 'partial', 'unknown')`)
@Check('attempt_outcomes_cost', `cost_nano_usd >= 0`)
export class AttemptOutcomeEntity extends MeteredEntity {
  @PrimaryColumn('uuid', {
    name: 'execution_id',
    primaryKeyConstraintName: 'attempt_outcomes_pkey',
  })
  executionId: string;

  @PrimaryColumn('smallint', {
    name: 'attempt_number',
    primaryKeyConstraintName: 'attempt_outcomes_pkey',
  })
  attemptNumber: number;

  @PrimaryColumn('smallint', { primaryKeyConstraintName: 'attempt_outcomes_pkey' })
  revision: number;

  @Column('uuid', { name: 'workspace_id' })
  workspaceId: string;

  /** Null: the attempt succeeded. */
  @Column('text', { name: 'error_category', nullable: true })
  errorCategory: ProviderErrorCategory | null;

  @Column('text')
  billed: Billed;

  @Column('integer', { name: 'upstream_status', nullable: true })
  upstreamStatus: number | null;

  @Column('text', { name: 'upstream_code', nullable: true })
  upstreamCode: string | null;

  @Column('text', { name: 'provider_request_id', nullable: true })
  providerRequestId: string | null;

  /** The model that answered. */
  @Column('text', { nullable: true })
  model: string | null;

  @Column('bigint', { name: 'cost_nano_usd', nullable: true })
  costNanoUsd: string | null;

  /** The unit prices that applied. */
  @Column('jsonb', { nullable: true })
  price: PriceSnapshot | null;

  @Column('integer', { name: 'latency_ms' })
  latencyMs: number;

  /** How long the next attempt waited after this one; null: there was none. */
  @Column('integer', { name: 'wait_ms', nullable: true })
  waitMs: number | null;

  @Column('timestamptz', { name: 'ended_at' })
  endedAt: Date;
}
