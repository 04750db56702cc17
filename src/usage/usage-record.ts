/** What executions used and cost, added up. */
export interface UsageSums {
  readonly executions: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Executions that were or may have been billed at a price that is not known. They add nothing to the cost. */
  readonly unpriced: number;
  readonly attempts: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly reasoningTokens: number;
  /** Null: there is something unpriced and nothing priced. */
  readonly costNanoUsd: bigint | null;
  /** Of completed executions, in milliseconds; null: there is none. */
  readonly latencyMsP50: number | null;
  readonly latencyMsP95: number | null;
}

/** The sums of one group. */
export interface UsageGroup {
  /** Values of the dimensions, in their order. */
  readonly key: readonly string[];
  readonly sums: UsageSums;
}

/** Which executions are added up, and how they are divided. */
export interface UsageRange {
  readonly workspaceId: string;
  readonly from: Date;
  readonly to: Date;
  readonly provider?: string;
  readonly model?: string;
  readonly agentId?: string;
  readonly apiKeyId?: string;
}
