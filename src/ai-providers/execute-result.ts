import { z } from 'zod';
import type { ExecuteResult } from './ai-provider.interface';
import { ProviderError } from './provider-error';

/** What the columns of the ledger take. */
const count = z.int().min(0).max(2_147_483_647);
const text = z.string();

const EXECUTE_RESULT = z.object({
  output: z.object({
    content: text,
    toolCalls: z.array(z.object({ id: text, name: text, arguments: text })),
  }),
  finishReason: z.enum([
    ...(['stop', 'length', 'tool_calls', 'content_filter', 'refusal', 'pause'] as const),
    'other',
  ]),
  usage: z.object({
    inputTokens: count,
    outputTokens: count,
    cacheReadTokens: count,
    cacheWriteTokens: count,
    reasoningTokens: count,
    source: z.enum(['provider', 'estimated']),
  }),
  cost: z
    .object({
      nanoUsd: z
        .bigint()
        .min(0n)
        .max(2n ** 63n - 1n),
    })
    .nullable(),
  model: text,
  providerRequestId: text.nullable(),
});

/**
 * The result, if it is one: a provider module of somebody else may give anything, and what the ledger cannot record
 * would leave an execution that never ends.
 * @throws {ProviderError} `internal`, which may have been billed.
 */
export function proveExecuteResult(result: ExecuteResult): ExecuteResult {
  if (EXECUTE_RESULT.safeParse(result).success) return result;
  throw new ProviderError({ category: 'internal', retry: 'never', billed: 'unknown' });
}
