import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The statements that run before the workspace is known, or for many workspaces at once. Each takes the
 * workspace as a parameter or finds it by an unguessable secret, and belongs to `keyrun_definer`.
 */
export class CrossWorkspaceFunctions1764000400000 implements MigrationInterface {
  readonly name = 'CrossWorkspaceFunctions1764000400000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`GRANT CREATE ON SCHEMA public TO keyrun_definer`);
    for (const [signature, definition] of Object.entries(FUNCTIONS)) {
      await queryRunner.query(`CREATE FUNCTION ${definition}`);
      await queryRunner.query(`ALTER FUNCTION ${signature} OWNER TO keyrun_definer`);
      await queryRunner.query(`REVOKE ALL ON FUNCTION ${signature} FROM PUBLIC`);
      await queryRunner.query(`GRANT EXECUTE ON FUNCTION ${signature} TO keyrun_runtime`);
    }
    await queryRunner.query(`
      ALTER FUNCTION delete_execution_details() SECURITY DEFINER SET search_path = public, pg_temp`);
    await queryRunner.query(`ALTER FUNCTION delete_execution_details() OWNER TO keyrun_definer`);
    await queryRunner.query(`REVOKE CREATE ON SCHEMA public FROM keyrun_definer`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const signature of Object.keys(FUNCTIONS).reverse()) {
      await queryRunner.query(`DROP FUNCTION ${signature}`);
    }
    await queryRunner.query(
      `ALTER FUNCTION delete_execution_details() SECURITY INVOKER RESET search_path`,
    );
    await queryRunner.query(`ALTER FUNCTION delete_execution_details() OWNER TO CURRENT_USER`);
  }
}

const DEFINER = 'SECURITY DEFINER SET search_path = public, pg_temp';
/**
 * By the key, always: the planner takes a JSON list for a hundred rows and would rather read every execution
 * there is than look a hundred of them up.
 */
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

/** Also read by the migration that replaces some of them, to bring these back. */
export const FUNCTIONS: Readonly<Record<string, string>> = {
  'enter_workspace(uuid)': `
    enter_workspace(target_workspace_id uuid) RETURNS void LANGUAGE sql ${DEFINER} AS $$
      SELECT set_config('app.workspace_id', target_workspace_id::text, true)
    $$`,

  // Without a grant the transaction stays without a workspace, and so without rows.
  'enter_workspace_as(uuid, uuid)': `
    enter_workspace_as(target_workspace_id uuid, access_token_id uuid) RETURNS void
      LANGUAGE sql ${DEFINER} AS $$
      SELECT set_config('app.workspace_id', coalesce((
        SELECT workspace_id::text FROM access_token_grants
         WHERE token_id = access_token_id AND workspace_id = target_workspace_id), ''), true)
    $$`,

  'authenticate_access_token(bytea, uuid)': `
    authenticate_access_token(token_digest bytea, target_workspace_id uuid)
      RETURNS TABLE (id uuid, home_workspace_id uuid, role text) LANGUAGE plpgsql ${DEFINER} AS $$
    DECLARE
      match access_tokens;
    BEGIN
      SELECT * INTO match FROM access_tokens token
        WHERE token.digest = token_digest AND (token.expires_at IS NULL OR token.expires_at > now());
      IF NOT FOUND THEN RETURN; END IF;
      IF coalesce(match.last_used_at < now() - interval '1 minute', true) THEN
        UPDATE access_tokens token SET last_used_at = now()
          WHERE token.id = match.id AND coalesce(token.last_used_at < now() - interval '1 minute', true);
      END IF;
      RETURN QUERY SELECT match.id, match.home_workspace_id,
        (SELECT access.role FROM access_token_grants access
          WHERE access.token_id = match.id
            AND access.workspace_id = coalesce(target_workspace_id, match.home_workspace_id));
    END $$`,

  'access_token_exists()': `
    access_token_exists() RETURNS boolean LANGUAGE sql STABLE ${DEFINER} AS $$
      SELECT EXISTS (SELECT FROM access_tokens)
    $$`,

  'list_workspaces_of_token(uuid, uuid, integer)': `
    list_workspaces_of_token(access_token_id uuid, before_id uuid, most integer)
      RETURNS SETOF workspaces LANGUAGE sql STABLE ${DEFINER} AS $$
      SELECT workspace.* FROM workspaces workspace
        JOIN access_token_grants access ON access.workspace_id = workspace.id
       WHERE access.token_id = access_token_id AND (before_id IS NULL OR workspace.id < before_id)
       ORDER BY workspace.id DESC LIMIT most
    $$`,

  'count_data_keys_by_root_key()': `
    count_data_keys_by_root_key() RETURNS TABLE (root_key_id text, data_keys integer)
      LANGUAGE sql STABLE ${DEFINER} AS $$
      SELECT root_key_id, count(*)::integer FROM workspace_data_keys GROUP BY root_key_id ORDER BY 1
    $$`,

  // No access token: the server itself asks. Keys that failed at their last use come last but stay usable: a repaired account needs no action here.
  'find_api_key(uuid, text, uuid, uuid)': `
    find_api_key(owner_workspace_id uuid, provider_id text, wanted_key_id uuid, access_token_id uuid)
      RETURNS SETOF api_keys LANGUAGE plpgsql ${DEFINER} AS $$
    DECLARE
      match api_keys;
    BEGIN
      SELECT * INTO match FROM api_keys key
        WHERE key.workspace_id = owner_workspace_id AND key.provider = provider_id
          AND (wanted_key_id IS NULL OR key.id = wanted_key_id)
          AND (access_token_id IS NULL OR EXISTS (SELECT FROM access_token_grants access
            WHERE access.token_id = access_token_id AND access.workspace_id = owner_workspace_id))
        ORDER BY key.enabled DESC, key.health IN ('invalid', 'unreadable'), key.priority, key.id LIMIT 1;
      IF NOT FOUND THEN RETURN; END IF;
      IF match.enabled AND coalesce(match.last_used_at < now() - interval '1 minute', true) THEN
        UPDATE api_keys key SET last_used_at = now()
          WHERE key.id = match.id AND coalesce(key.last_used_at < now() - interval '1 minute', true);
      END IF;
      RETURN NEXT match;
    END $$`,

  'start_executions(json)': `
    start_executions(starts json) RETURNS TABLE (execution_id uuid, started_at timestamptz)
      LANGUAGE sql ${DEFINER} AS $$
      WITH start AS (
        SELECT * FROM json_to_recordset(starts) AS start (id uuid, workspace_id uuid, agent_id text,
          provider text, model text, api_key_id uuid, metadata jsonb, timeout_ms integer)),
      execution AS (
        INSERT INTO agent_executions (id, workspace_id, agent_id, provider, model, status, api_key_id,
          metadata, created_at, started_at, deadline_at)
        SELECT id, workspace_id, agent_id, provider, model, 'running', api_key_id,
          metadata, now(), now(), now() + make_interval(secs => timeout_ms / 1000.0) FROM start)
      INSERT INTO execution_attempts AS attempt (execution_id, attempt_number, workspace_id, provider, model,
        api_key_id, started_at)
      SELECT id, 1, workspace_id, provider, model, api_key_id, now() FROM start
      RETURNING attempt.execution_id, attempt.started_at
    $$`,

  // Only of an execution that is still there: its workspace may have been deleted while it ran.
  'start_attempts(json)': `
    start_attempts(attempts json) RETURNS TABLE (execution_id uuid, started_at timestamptz)
      LANGUAGE sql ${DEFINER} ${BY_KEY} AS $$
      INSERT INTO execution_attempts AS attempt (execution_id, attempt_number, workspace_id, provider, model,
        api_key_id, started_at)
      SELECT execution.id, start.attempt_number, execution.workspace_id, start.provider, start.model,
             start.api_key_id, now()
        FROM json_to_recordset(attempts) AS start (execution_id uuid, attempt_number smallint,
          workspace_id uuid, provider text, model text, api_key_id uuid)
        JOIN agent_executions execution
          ON execution.id = start.execution_id AND execution.workspace_id = start.workspace_id
       WHERE execution.status = 'running' FOR KEY SHARE OF execution
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

  // Status, outcome and answer in one commit. The answer is JSON in a text: `json_to_recordset` would refuse
  // an escaped NUL character, which an answer may hold.
  // An outcome that is there already stays: the execution failed
  // while it waited for its next attempt.
  'settle_executions(json)': `
    settle_executions(settlements json) RETURNS TABLE (execution_id uuid, completed_at timestamptz)
      LANGUAGE sql ${DEFINER} ${BY_KEY} AS $$
      WITH settlement AS (
        SELECT * FROM json_to_recordset(settlements) AS settlement (${OUTCOME_FIELDS}, status text,
          finish_reason text, error jsonb, execution_latency_ms integer, time_to_first_token_ms integer,
          output text)),
      settled AS (
        UPDATE agent_executions execution
           SET status = settlement.status, finish_reason = settlement.finish_reason,
               error = settlement.error, completed_at = now(),
               latency_ms = settlement.execution_latency_ms,
               time_to_first_token_ms = settlement.time_to_first_token_ms,
               input_tokens = settlement.input_tokens, output_tokens = settlement.output_tokens,
               cache_read_tokens = settlement.cache_read_tokens,
               cache_write_tokens = settlement.cache_write_tokens,
               reasoning_tokens = settlement.reasoning_tokens, usage_source = settlement.usage_source,
               cost_nano_usd = settlement.cost_nano_usd
          FROM settlement
         WHERE execution.id = settlement.execution_id
           AND execution.workspace_id = settlement.workspace_id AND execution.status = 'running'
        RETURNING execution.id, execution.completed_at),
      outcome AS (
        INSERT INTO attempt_outcomes (revision, ended_at, ${OUTCOME_COLUMNS})
        SELECT 1, now(), ${OUTCOME_COLUMNS} FROM settlement
         WHERE settlement.execution_id IN (SELECT id FROM settled)
        ON CONFLICT DO NOTHING),
      answer AS (
        INSERT INTO execution_outputs (execution_id, workspace_id, output)
        SELECT settlement.execution_id, settlement.workspace_id, settlement.output::json FROM settlement
         WHERE settlement.output IS NOT NULL AND settlement.execution_id IN (SELECT id FROM settled))
      SELECT settled.id, settled.completed_at FROM settled
    $$`,
};
