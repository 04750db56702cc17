import { DatabaseError } from 'pg';
import { AppError } from '../../common';
import { GroupCommitFull, GroupCommitStalled } from './group-commit';

/** How long a client should wait when the ledger cannot be written. */
export const LEDGER_RETRY_AFTER_MS = 2_000;

/** What is said of an execution whose start was not recorded. */
export const NOTHING_SENT = 'Nothing was sent to the provider. Repeat after Retry-After.';

/** What the driver says, without a code, when it has had no connection for a statement. */
const NO_CONNECTION =
  /^timeout exceeded when trying to connect$|connection timeout$|^Cannot use a pool after/;

/** Whether what was to be written may have been written all the same: the answer got lost with the connection. */
export function isUnheard(error: unknown): boolean {
  return error instanceof AppError && error.code === 'ledger_unavailable'
    ? isInDoubt(error.cause)
    : false;
}

/** Whether PostgreSQL may have carried out what it told nothing of: not while there was no connection. */
export function isInDoubt(error: unknown): boolean {
  if (!isConnectionLost(error)) return false;
  const { message, syscall } = error as NodeJS.ErrnoException;
  return !NO_CONNECTION.test(message) && syscall !== 'connect' && syscall !== 'getaddrinfo';
}

/** PostgreSQL said nothing, or that it ends (57P01, 57P02). A refused connection has carried no statement. */
export function isConnectionLost(error: unknown): boolean {
  if (!(error instanceof Error) || isUnsent(error)) return false;
  const { code } = error as { code?: unknown };
  if (typeof code !== 'string') return true;
  const isFromPostgres = /^[0-9A-Z]{5}$/.test(code) && code !== 'EPIPE';
  return isFromPostgres ? /^(08|57P0[12])/.test(code) : code !== 'ECONNREFUSED';
}

function isUnsent(error: Error): boolean {
  return error instanceof GroupCommitFull || error instanceof GroupCommitStalled;
}

/** A foreign key that is missing means that the workspace was deleted since the guard looked. */
export function toLedgerError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if ((error as { code?: string }).code === '23503')
    return new AppError('not_found', 'No such workspace.');
  return ledgerUnavailable(error);
}

/** Nothing was written, so nothing was sent. */
export function ledgerUnavailable(cause?: unknown): AppError {
  return new AppError('ledger_unavailable', NOTHING_SENT, {
    retryAfterMs: LEDGER_RETRY_AFTER_MS,
    cause,
  });
}

/**
 * Whether PostgreSQL refused this one statement, so that another may pass: not a lost connection (class 08), too little
 * of something (53), an intervention of its operator (57P) or a fault of its machine (58).
 */
export function isRefusedAlone(error: unknown): boolean {
  return error instanceof DatabaseError && !/^(08|53|57P|58)/.test(error.code ?? '08');
}
