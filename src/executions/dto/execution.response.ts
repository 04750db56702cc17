import { ApiProperty } from '@nestjs/swagger';
import { CONTENT_FIELDS, type ContentField, FAILURE_CATEGORIES } from '../ledger/execution-record';
import { type ExecutionMode, PUBLIC_STATUSES, type PublicStatus } from '../ledger/execution-status';

const BILLED = ['no', 'yes', 'partial', 'unknown'] as const;
const COST = {
  type: String,
  nullable: true,
  example: '0.000123456',
  description:
    'USD as an exact decimal; null: the price is unknown, or nothing is known to be billed',
} as const;
const MILLISECONDS = { type: 'integer', nullable: true } as const;

export class UsageResponse {
  @ApiProperty({ type: 'integer', description: 'All input tokens, the cached ones included' })
  inputTokens: number;

  @ApiProperty({ type: 'integer' })
  outputTokens: number;

  @ApiProperty({ type: 'integer', description: "Part of the input read from the vendor's cache" })
  cacheReadTokens: number;

  @ApiProperty({ type: 'integer', description: "Part of the input written to the vendor's cache" })
  cacheWriteTokens: number;

  @ApiProperty({ type: 'integer', description: 'Part of the output spent on reasoning' })
  reasoningTokens: number;

  @ApiProperty({ enum: ['provider', 'estimated'], description: 'Who counted' })
  source: 'provider' | 'estimated';
}

export class ExecutionErrorResponse {
  @ApiProperty({ enum: FAILURE_CATEGORIES })
  category: string;

  @ApiProperty({ description: 'Code of the error catalogue' })
  code: string;

  @ApiProperty()
  message: string;

  @ApiProperty({ description: 'Whether the same request may succeed later' })
  retryable: boolean;

  @ApiProperty({ enum: BILLED, description: 'What is known of the money' })
  billed: string;
}

export class ToolCallResponse {
  @ApiProperty()
  id: string;

  @ApiProperty()
  name: string;

  @ApiProperty({ description: 'JSON, exactly as the model wrote it' })
  arguments: string;
}

export class ExecutionOutputResponse {
  @ApiProperty()
  content: string;

  @ApiProperty({ type: [ToolCallResponse] })
  toolCalls: readonly ToolCallResponse[];
}

export class AttemptResponse {
  @ApiProperty({ type: 'integer', minimum: 1 })
  number: number;

  @ApiProperty()
  provider: string;

  @ApiProperty()
  model: string;

  @ApiProperty({ type: String, format: 'uuid', nullable: true })
  apiKeyId: string | null;

  @ApiProperty({ format: 'date-time' })
  startedAt: string;

  @ApiProperty({
    enum: ['unknown', 'succeeded', 'failed'],
    description: 'unknown: no outcome is recorded, so the request may have been sent and billed',
  })
  status: 'unknown' | 'succeeded' | 'failed';

  @ApiProperty({ enum: FAILURE_CATEGORIES, nullable: true })
  errorCategory: string | null;

  @ApiProperty({ enum: BILLED })
  billed: string;

  @ApiProperty({ ...MILLISECONDS, description: 'Milliseconds of the provider call' })
  latencyMs: number | null;

  @ApiProperty({ ...MILLISECONDS, description: 'Milliseconds until the next attempt; null: none' })
  waitMs: number | null;

  @ApiProperty({ type: 'integer', nullable: true, description: 'HTTP status of a failed answer' })
  upstreamStatus: number | null;

  @ApiProperty({ type: String, nullable: true, description: "The provider's own error code" })
  upstreamCode: string | null;

  @ApiProperty({ type: String, nullable: true, description: "For the provider's support" })
  providerRequestId: string | null;

  @ApiProperty({ type: UsageResponse, nullable: true })
  usage: UsageResponse | null;

  @ApiProperty(COST)
  costUsd: string | null;
}

export class ReceiptResponse {
  @ApiProperty({ type: String, format: 'uuid', nullable: true, description: 'The key that paid' })
  apiKeyId: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'The model that answered' })
  model: string | null;

  @ApiProperty({ type: String, nullable: true })
  providerRequestId: string | null;

  @ApiProperty(COST)
  costUsd: string | null;

  @ApiProperty({
    type: 'object',
    nullable: true,
    additionalProperties: true,
    description: 'Unit prices that applied, in nano-USD (1e-9 USD) per million tokens',
  })
  price: object | null;
}

/** An execution as lists show it. */
export class ExecutionSummaryResponse {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ format: 'uuid' })
  workspaceId: string;

  @ApiProperty()
  agentId: string;

  @ApiProperty()
  provider: string;

  @ApiProperty()
  model: string;

  @ApiProperty({ enum: PUBLIC_STATUSES })
  status: PublicStatus;

  @ApiProperty({ enum: ['sync', 'stream', 'async'], description: 'How its answer was asked for' })
  mode: ExecutionMode;

  @ApiProperty({ type: String, nullable: true, example: 'stop' })
  finishReason: string | null;

  @ApiProperty({ type: ExecutionErrorResponse, nullable: true })
  error: ExecutionErrorResponse | null;

  @ApiProperty({ type: UsageResponse, nullable: true })
  usage: UsageResponse | null;

  @ApiProperty(COST)
  costUsd: string | null;

  @ApiProperty({ type: String, format: 'uuid', nullable: true, description: 'The key that pays' })
  apiKeyId: string | null;

  @ApiProperty({ type: 'object', nullable: true, additionalProperties: true })
  metadata: object | null;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  startedAt: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  completedAt: string | null;

  @ApiProperty({ ...MILLISECONDS, description: 'Milliseconds from start to end, waits included' })
  latencyMs: number | null;

  @ApiProperty({ ...MILLISECONDS, description: 'Milliseconds to the first token of a stream' })
  timeToFirstTokenMs: number | null;
}

export class ExecutionResponse extends ExecutionSummaryResponse {
  @ApiProperty({
    type: ExecutionOutputResponse,
    nullable: true,
    description:
      'Of a failed or cancelled one: what had come until then; null: none, not stored, or `unreadable`',
  })
  output: ExecutionOutputResponse | null;

  @ApiProperty({
    enum: CONTENT_FIELDS,
    isArray: true,
    description:
      'What is stored but cannot be opened, because it was damaged or its key is lost; it is null here. Empty: all that is stored is shown. Everything else of the execution is as it was recorded. Lists do not open content, so they do not say',
  })
  unreadable: readonly ContentField[];

  @ApiProperty({ type: [AttemptResponse] })
  attempts: AttemptResponse[];

  @ApiProperty({
    type: ReceiptResponse,
    nullable: true,
    description:
      'null: no attempt was answered in full. What was paid all the same is in `attempts` and `costUsd`',
  })
  receipt: ReceiptResponse | null;
}

export class ExecutionDetailResponse extends ExecutionResponse {
  @ApiProperty({
    type: 'object',
    nullable: true,
    additionalProperties: true,
    description:
      'What was asked: `messages`, `system`, `tools`, …; null: the workspace does not store it, or it is `unreadable`',
  })
  request: object | null;
}
