import { errors } from 'undici';
import { AppError } from '../../common';
import { type Billed, ProviderError } from '../provider-error';

/**
 * How far a call came. `idle`: no request yet. `waiting`: for a connection; nothing was written. `sent`:
 * the request was written, at least in part. `buffering` and `streaming`: the head of a success arrived,
 * its body is on the way. `refused`: the head of an error status arrived. `done`: the answer is complete.
 */
export type CallPhase =
  'idle' | 'waiting' | 'sent' | 'buffering' | 'streaming' | 'refused' | 'done';

/** What is known of the money when a call ends in a phase (reliability.md §1.4, rows 24–29). */
const BILLED: Readonly<Record<CallPhase, Billed>> = {
  idle: 'no',
  waiting: 'no',
  sent: 'unknown',
  buffering: 'yes',
  streaming: 'partial',
  refused: 'no',
  done: 'yes',
};

/** The connection or the body failed. */
export function brokenOff(phase: CallPhase, error: unknown): ProviderError {
  if (phase === 'idle' || phase === 'waiting') return neverSent(error);
  if (phase !== 'sent') {
    return new ProviderError({
      category: 'response_truncated',
      retry: 'ambiguous',
      billed: BILLED[phase],
    });
  }
  const unreadable =
    error instanceof errors.HTTPParserError || error instanceof errors.HeadersOverflowError;
  return new ProviderError({
    category: unreadable ? 'invalid_response' : 'connection_lost',
    retry: 'ambiguous',
    billed: 'unknown',
  });
}

/**
 * The limit of the call passed. Without a connection that is a failed connection: nothing is billed.
 * Without headers the model may still be running. When the time went by outside the exchange (before it or
 * after it), or in an answer that was never silent for long, another attempt would not help.
 */
export function timedOut(phase: CallPhase): ProviderError {
  switch (phase) {
    case 'idle':
    case 'done':
    case 'streaming':
    case 'buffering':
      return new ProviderError({
        category: 'deadline_exceeded',
        retry: 'never',
        billed: BILLED[phase],
      });
    case 'sent':
      return new ProviderError({
        category: 'timeout_no_response',
        retry: 'ambiguous',
        billed: 'unknown',
      });
    case 'waiting':
    case 'refused':
      return brokenOff(phase, null);
  }
}

/** The caller gave up. */
export function cancelled(phase: CallPhase): ProviderError {
  return new ProviderError({ category: 'cancelled', retry: 'never', billed: BILLED[phase] });
}

/** An answer of which the head or the size already says that it is no completion; repeating changes nothing. */
export function unusableAnswer(status: number, billed: Billed): ProviderError {
  return new ProviderError({
    category: 'invalid_response',
    retry: 'never',
    billed,
    upstreamStatus: status,
  });
}

/** A second request in one call: an SDK that retries by itself, which would be paid but not recorded. */
export function secondRequest(): ProviderError {
  return new ProviderError({ category: 'internal', retry: 'never', billed: 'unknown' });
}

function neverSent(error: unknown): ProviderError {
  if (error instanceof AppError && error.code === 'blocked_destination') {
    return new ProviderError({ category: 'blocked_destination', retry: 'never', billed: 'no' });
  }
  if (error instanceof errors.InvalidArgumentError) {
    return new ProviderError({ category: 'internal', retry: 'never', billed: 'no' });
  }
  return new ProviderError({ category: 'connect_failed', retry: 'transient', billed: 'no' });
}
