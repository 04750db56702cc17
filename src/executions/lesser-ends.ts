import type { ExecutionOutput } from '../ai-providers';
import { unrecordable } from './ledger/attempt-outcome';
import type { AttemptOutcome, ExecutionFailure } from './ledger/execution-record';
import type { Settlement } from './ledger/ledger-rows';

/** How an execution ended, before it is counted up. */
export interface End {
  readonly status: Settlement['status'];
  readonly output: ExecutionOutput | null;
  readonly finishReason: Settlement['finishReason'];
  readonly error: ExecutionFailure | null;
  readonly outcome: AttemptOutcome;
  readonly timeToFirstTokenMs: number | null;
}

/**
 * What is recorded of an end that the database refuses for what is in it, so that the execution ends nevertheless: the
 * first of these that it takes. They hold less and less of what came from outside, and always whether it was billed.
 */
export function lesserEnds(end: End): readonly End[] {
  const withoutAnswer = withoutWhatTheProviderSaid(end);
  return [withoutAnswer, withoutNumbers(withoutAnswer)];
}

/** An answer that cannot be kept is no answer. A failure remains what it was. */
function withoutWhatTheProviderSaid(end: End): End {
  const error = end.error ?? unrecordable(end.outcome.billed);
  return {
    ...end,
    ...{ status: end.status === 'completed' ? 'failed' : end.status, error },
    ...{ output: null, finishReason: null },
    outcome: {
      ...end.outcome,
      ...{ errorCategory: error.category, model: null, providerRequestId: null },
      ...{ upstreamStatus: null, upstreamCode: null },
    },
  };
}

function withoutNumbers({ outcome, ...end }: End): End {
  const error = unrecordable(outcome.billed);
  const unknown = { usage: null, costNanoUsd: null, price: null };
  return {
    ...end,
    ...{ status: 'failed', error, timeToFirstTokenMs: null },
    outcome: { ...outcome, ...unknown, errorCategory: error.category },
  };
}
