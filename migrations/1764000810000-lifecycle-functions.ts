import type { MigrationInterface, QueryRunner } from 'typeorm';
import { FUNCTIONS as FUNCTIONS_BEFORE } from './1764000400000-cross-workspace-functions';

const REPLACED = [
  'start_executions(json)',
  'start_attempts(json)',
  'record_outcomes(json)',
  'settle_executions(json)',
];

/**
 * The statements of the ledger, for executions that have an owner. A fence rises with every change of the owner:
 * whoever holds an older one writes nothing, except that a late receipt completes what was interrupted, once.
 */
export class LifecycleFunctions1764000810000 implements MigrationInterface {
  readonly name = 'LifecycleFunctions1764000810000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const signature of REPLACED) await queryRunner.query(`DROP FUNCTION ${signature}`);
    await create(queryRunner, FUNCTIONS);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const signature of Object.keys(FUNCTIONS).reverse()) {
      await queryRunner.query(`DROP FUNCTION ${signature}`);
    }
    // They name columns that come back only with the migration before this one.
    await queryRunner.query(`SET LOCAL check_function_bodies = off`);
    const entries = REPLACED.map((signature) => [signature, FUNCTIONS_BEFORE[signature]]);
    await create(queryRunner, Object.fromEntries(entries) as Record<string, string>);
  }
}

async function create(
  queryRunner: QueryRunner,
  functions: Readonly<Record<string, string>>,
): Promise<void> {
  await queryRunner.query(`GRANT CREATE ON SCHEMA public TO keyrun_definer`);
  for (const [signature, definition] of Object.entries(functions)) {
    await queryRunner.query(`CREATE FUNCTION ${definition}`);
    await queryRunner.query(`ALTER FUNCTION ${signature} OWNER TO keyrun_definer`);
    await queryRunner.query(`REVOKE ALL ON FUNCTION ${signature} FROM PUBLIC`);
    await queryRunner.query(`GRANT EXECUTE ON FUNCTION ${signature} TO keyrun_runtime`);
  }
  await queryRunner.query(`REVOKE CREATE ON SCHEMA public FROM keyrun_definer`);
}

const DEFINER = 'SECURITY DEFINER SET search_path = public, pg_temp';
/** By the key, always: the planner takes a JSON list for a hundred rows and would rather read everything. */
const BY_KEY = 'SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off';

/** Columns that the functions read from each JSON row, with their types. */
const OUTCOME_FIELDS = `execution_id uuid, attempt_number smallint, workspace_id uuid, error_category text,
          billed text, upstream_status integer, upstream_code text, provider_request_id text, model text,
          input_tokens integer, output_tokens integer, cache_read_tokens integer, cache_write_tokens integer,
          reasoning_tokens integer, usage_source text, cost_nano_usd bigint, price jsonb,
          latency_ms integer, wait_ms integer`;
const OUTCOME_COLUMNS = `execution_id, attempt_number, workspace_id, error_category, billed,
          upstream_status, upstream_code, provider_request_id, model, input_tokens, output_tokens,
          cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_source, cost_nano_usd, price,
          latency_ms, wait_ms`;
const TOTALS = ['input_tokens', 'output_tokens', 'cache_read_tokens', 'cache_write_tokens']
  .concat(['reasoning_tokens', 'usage_source', 'cost_nano_usd'])
  .map((column) => `${column} = settlement.total_${column}`)
  .join(', ');

const FUNCTIONS: Readonly<Record<string, string>> = {
  // Idempotency keys first, in one order so that two batches never wait for each other: a start whose key is
  // taken starts nothing and gets the execution that took it. Then executions, content and attempts, one commit.
  'start_executions(json)': `
    start_executions(starts json) RETURNS TABLE (execution_id uuid, started_at timestamptz,
        store_content text, on_disconnect text, store_at_provider boolean,
        taken_by uuid, taken_fingerprint text)
      LANGUAGE plpgsql ${DEFINER} ${BY_KEY} AS $$
    #variable_conflict use_column
    DECLARE
      refused uuid[] := '{}';
    BEGIN
      IF EXISTS (SELECT FROM json_array_elements(starts) AS start
                  WHERE start ->> 'idempotency_key' IS NOT NULL) THEN
        refused := refuse_taken_keys(starts);
      END IF;
      RETURN QUERY
      WITH start AS (
        SELECT * FROM json_to_recordset(starts) AS start (id uuid, workspace_id uuid, agent_id text,
          provider text, model text, api_key_id uuid, metadata json, timeout_ms integer, mode text,
          owner_id uuid, store_content text, request text)
         WHERE id <> ALL (refused)),
      settings AS (
        SELECT workspace.id, workspace.on_disconnect, workspace.store_at_provider, workspace.store_content
          FROM workspaces workspace WHERE workspace.id IN (SELECT workspace_id FROM start)),
      execution AS (
        INSERT INTO agent_executions (id, workspace_id, agent_id, provider, model, status, api_key_id,
          metadata, mode, owner_id, timeout_ms, created_at, started_at, wake_up_at, deadline_at)
        SELECT id, workspace_id, agent_id, provider, model,
          CASE mode WHEN 'async' THEN 'queued' ELSE 'running' END, api_key_id, metadata, mode,
          CASE WHEN mode <> 'async' THEN owner_id END, timeout_ms, now(),
          CASE WHEN mode <> 'async' THEN now() END, CASE WHEN mode = 'async' THEN now() END,
          now() + make_interval(secs => timeout_ms / 1000.0) FROM start),
      request AS (
        INSERT INTO execution_requests (execution_id, workspace_id, sealed)
        SELECT start.id, start.workspace_id, decode(start.request, 'base64') FROM start
          LEFT JOIN settings ON settings.id = start.workspace_id
         WHERE start.request IS NOT NULL AND (start.mode = 'async'
            OR coalesce(settings.store_content, start.store_content) = 'full')),
      attempt AS (
        INSERT INTO execution_attempts (execution_id, attempt_number, workspace_id, provider, model,
          api_key_id, started_at)
        SELECT id, 1, workspace_id, provider, model, api_key_id, now() FROM start WHERE mode <> 'async')
      SELECT start.id, now(), coalesce(settings.store_content, start.store_content),
             settings.on_disconnect, settings.store_at_provider, NULL::uuid, NULL::text
        FROM start LEFT JOIN settings ON settings.id = start.workspace_id
      UNION ALL
      SELECT taken.id, NULL, NULL, NULL, NULL, claim.execution_id, claim.fingerprint
        FROM json_to_recordset(starts) AS taken (id uuid, workspace_id uuid, idempotency_key text)
        JOIN idempotency_keys claim
          ON claim.workspace_id = taken.workspace_id AND claim.key = taken.idempotency_key
       WHERE taken.id = ANY (refused);
    END $$`,

  // Waits for whoever is about to take one of the keys. Returns the ids whose key belongs to another execution.
  'refuse_taken_keys(json)': `
    refuse_taken_keys(starts json) RETURNS uuid[] LANGUAGE plpgsql ${DEFINER} ${BY_KEY} AS $$
    DECLARE
      refused uuid[];
    BEGIN
      DELETE FROM idempotency_keys claim
        USING json_to_recordset(starts) AS start (workspace_id uuid, idempotency_key text)
       WHERE claim.workspace_id = start.workspace_id AND claim.key = start.idempotency_key
         AND claim.expires_at <= now();
      INSERT INTO idempotency_keys AS claim (workspace_id, key, fingerprint, execution_id, expires_at)
        SELECT workspace_id, idempotency_key, fingerprint, id,
               now() + make_interval(secs => idempotency_seconds)
          FROM json_to_recordset(starts) AS start (id uuid, workspace_id uuid, idempotency_key text,
            fingerprint text, idempotency_seconds integer)
         WHERE idempotency_key IS NOT NULL ORDER BY workspace_id, idempotency_key, id
        ON CONFLICT DO NOTHING;
      SELECT coalesce(array_agg(start.id), '{}') INTO refused
        FROM json_to_recordset(starts) AS start (id uuid, workspace_id uuid, idempotency_key text)
        JOIN idempotency_keys claim
          ON claim.workspace_id = start.workspace_id AND claim.key = start.idempotency_key
       WHERE claim.execution_id <> start.id;
      RETURN refused;
    END $$`,

  // A start that was refused stores nothing that a repetition would meet.
  'release_idempotency_key(uuid, uuid)': `
    release_idempotency_key(owner_workspace_id uuid, refused_id uuid) RETURNS void LANGUAGE sql ${DEFINER} AS $$
      DELETE FROM idempotency_keys WHERE workspace_id = owner_workspace_id AND execution_id = refused_id
    $$`,

  // Only of an execution that is still there and still the caller's: its workspace may have been deleted
  // while it ran, or another server may have taken its owner for dead.
  'start_attempts(json)': `
    start_attempts(attempts json) RETURNS TABLE (execution_id uuid, started_at timestamptz)
      LANGUAGE sql ${DEFINER} ${BY_KEY} AS $$
      INSERT INTO execution_attempts AS attempt (execution_id, attempt_number, workspace_id, provider, model,
        api_key_id, started_at)
      SELECT execution.id, start.attempt_number, execution.workspace_id, start.provider, start.model,
             start.api_key_id, now()
        FROM json_to_recordset(attempts) AS start (execution_id uuid, attempt_number smallint,
          workspace_id uuid, fence integer, provider text, model text, api_key_id uuid)
        JOIN agent_executions execution
          ON execution.id = start.execution_id AND execution.workspace_id = start.workspace_id
       WHERE execution.status = 'running' AND execution.fence = start.fence FOR KEY SHARE OF execution
      RETURNING attempt.execution_id, attempt.started_at
    $$`,

  'record_outcomes(json)': `
    record_outcomes(outcomes json) RETURNS void LANGUAGE sql ${DEFINER} ${BY_KEY} AS $$
      WITH outcome AS (
        SELECT * FROM json_to_recordset(outcomes) AS outcome (${OUTCOME_FIELDS})),
      execution AS (
        SELECT id FROM agent_executions execution
          JOIN outcome ON execution.id = outcome.execution_id
           AND execution.workspace_id = outcome.workspace_id
           FOR KEY SHARE OF execution)
      INSERT INTO attempt_outcomes (revision, ended_at, ${OUTCOME_COLUMNS})
      SELECT 1, now(), ${OUTCOME_COLUMNS} FROM outcome
       WHERE execution_id IN (SELECT id FROM execution)
      ON CONFLICT DO NOTHING
    $$`,

  // Status, outcome and answer in one commit. An outcome that is there already stays: the execution failed
  // while it waited for its next attempt. A fence that is one behind belongs to the server that was interrupted:
  // its receipt is a second revision of the outcome. One further behind lost the execution before the call that
  // may have been paid, and knows nothing of it. CASE, because no index serves it: of OR the planner would
  // make a search for everything that runs or was ever interrupted, in every workspace.
  'settle_executions(json)': `
    settle_executions(settlements json) RETURNS TABLE (execution_id uuid)
      LANGUAGE sql ${DEFINER} ${BY_KEY} AS $$
      WITH settlement AS (
        SELECT * FROM json_to_recordset(settlements) AS settlement (${OUTCOME_FIELDS}, fence integer,
          status text, finish_reason text, error jsonb, completed_at timestamptz,
          execution_latency_ms integer,
          time_to_first_token_ms integer, total_input_tokens integer, total_output_tokens integer,
          total_cache_read_tokens integer, total_cache_write_tokens integer,
          total_reasoning_tokens integer, total_usage_source text, total_cost_nano_usd bigint,
          output text)),
      settled AS (
        UPDATE agent_executions execution
           SET status = settlement.status, finish_reason = settlement.finish_reason,
               error = settlement.error, completed_at = settlement.completed_at, owner_id = NULL,
               latency_ms = settlement.execution_latency_ms,
               time_to_first_token_ms = settlement.time_to_first_token_ms, ${TOTALS}
          FROM settlement
         WHERE execution.id = settlement.execution_id
           AND execution.workspace_id = settlement.workspace_id
           AND CASE execution.status
                 WHEN 'running' THEN execution.fence = settlement.fence
                 WHEN 'interrupted' THEN execution.fence = settlement.fence + 1
                   AND settlement.status IN ('completed', 'failed') END
        RETURNING execution.id, execution.fence > settlement.fence AS is_late),
      outcome AS (
        INSERT INTO attempt_outcomes (revision, ended_at, ${OUTCOME_COLUMNS})
        SELECT CASE WHEN is_late THEN 2 ELSE 1 END, now(), ${OUTCOME_COLUMNS}
          FROM settlement JOIN settled ON settled.id = settlement.execution_id
         WHERE settlement.attempt_number IS NOT NULL
        ON CONFLICT DO NOTHING),
      answer AS (
        INSERT INTO execution_outputs (execution_id, workspace_id, sealed)
        SELECT settlement.execution_id, settlement.workspace_id, decode(settlement.output, 'base64')
          FROM settlement
         WHERE settlement.output IS NOT NULL AND settlement.execution_id IN (SELECT id FROM settled)
        ON CONFLICT DO NOTHING)
      SELECT settled.id FROM settled
    $$`,
};
