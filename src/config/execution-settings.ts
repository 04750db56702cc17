import { z } from 'zod';

const integer = (minimum: number, maximum: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, `must be a whole number from ${minimum} to ${maximum}`)
    .transform(Number)
    .pipe(z.number().min(minimum).max(maximum));

const days = integer(1, 36_500);

/** What concerns the life of an execution and what is kept of it. */
export const EXECUTION_SETTINGS = {
  KEYRUN_STORE_CONTENT: z.enum(['full', 'metadata']).default('full'),
  KEYRUN_IDEMPOTENCY_HOURS: integer(1, 720).default(24),
  KEYRUN_ASYNC_CONCURRENCY: integer(1, 1_000).default(50),
  KEYRUN_QUEUED_EXECUTIONS_PER_WORKSPACE: integer(1, 1_000_000).default(10_000),
  KEYRUN_DRAIN_SECONDS: integer(0, 3_600).default(25),
  KEYRUN_EXECUTION_RETENTION_DAYS: days.optional(),
  KEYRUN_CONTENT_RETENTION_DAYS: days.optional(),
};
