import type { PreparedStatement } from '../../database';

/** Starts executions, each with its first attempt unless it is asynchronous, but none of which an assumption fails. */
export const START: PreparedStatement = {
  name: 'start_confirmed_executions',
  text: `
  SELECT execution_id AS "executionId", started_at AS "startedAt", store_content AS "storeContent",
         on_disconnect AS "onDisconnect", store_at_provider AS "storeAtProvider",
         taken_by AS "takenBy", taken_fingerprint AS "takenFingerprint", is_outdated AS "isOutdated"
    FROM start_confirmed_executions($1)`,
};

/** Starts further attempts. */
export const START_ATTEMPT: PreparedStatement = {
  isPatient: true,
  name: 'start_attempts',
  text: `
  SELECT execution_id AS "executionId", started_at AS "startedAt" FROM start_attempts($1)`,
};

/** Records how attempts ended that are followed by another. */
export const RECORD_OUTCOME: PreparedStatement = {
  isPatient: true,
  name: 'record_outcomes',
  text: 'SELECT record_outcomes($1)',
};

/** Ends executions with the outcome of their last attempt and their answers, which are long and so no part of the JSON. */
export const SETTLE: PreparedStatement = {
  isPatient: true,
  name: 'settle_executions',
  text: 'SELECT execution_id AS "executionId" FROM settle_executions($1, $2)',
};

/** Forgets the idempotency key of an execution. */
export const RELEASE_KEY: PreparedStatement = {
  isPatient: true,
  name: 'release_idempotency_key',
  text: 'SELECT release_idempotency_key($1, $2)',
};

/** Ends an execution that waits in the queue. */
export const END_QUEUED: PreparedStatement = {
  isPatient: true,
  name: 'end_queued_execution',
  text: `SELECT end_queued_execution($1, $2, $3, $4) AS ended`,
};

/** Writes what the database lost of an execution that it has, before it is settled. */
export const RESTORE_ATTEMPTS: PreparedStatement = {
  name: 'restore_attempts',
  text: 'SELECT restore_attempts($1) AS "isOpen"',
  isPatient: true,
};
