import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Where a workspace keeps no content, what an asynchronous execution asks is stored for as long as it waits: it goes in
 * the transaction that ends the execution, whoever ends it. And one that ends in the queue to which it went back ends
 * with the time since its start.
 */
export class ForgetRequests1764002700000 implements MigrationInterface {
  readonly name = 'ForgetRequests1764002700000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      `ALTER TABLE execution_requests ADD until_end boolean NOT NULL DEFAULT false`,
    );
    await queryRunner.query(startExecutions(', until_end', IS_UNTIL_END));
    await queryRunner.query(endQueuedExecution(SINCE_ITS_START));
    await queryRunner.query(deleteExpired(OR_ENDED));
    await queryRunner.query(`GRANT CREATE ON SCHEMA public TO keyrun_definer`);
    await queryRunner.query(FORGET_REQUEST);
    await queryRunner.query(`ALTER FUNCTION forget_request() OWNER TO keyrun_definer`);
    await queryRunner.query(`REVOKE CREATE ON SCHEMA public FROM keyrun_definer`);
    await queryRunner.query(`
      CREATE TRIGGER agent_executions_requests AFTER UPDATE OF status ON agent_executions
        FOR EACH ROW WHEN (NEW.mode = 'async' AND NEW.status NOT IN ('queued', 'running'))
        EXECUTE FUNCTION forget_request()`);
    // Firing it where it belongs needs no right; whoever may execute it could hang it on a table of their own.
    await queryRunner.query(`REVOKE ALL ON FUNCTION forget_request() FROM PUBLIC`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TRIGGER agent_executions_requests ON agent_executions`);
    await queryRunner.query(`DROP FUNCTION forget_request()`);
    await queryRunner.query(deleteExpired(''));
    await queryRunner.query(endQueuedExecution(''));
    await queryRunner.query(startExecutions('', ''));
    await queryRunner.query(`ALTER TABLE execution_requests DROP until_end`);
  }
}

const DEFINER = 'SECURITY DEFINER SET search_path = public, pg_temp';
const BY_KEY = 'SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off';

/** The default of the server is known at the start only. What the workspace itself says by its end goes before it. */
const FORGET_REQUEST = `
    CREATE FUNCTION forget_request() RETURNS trigger LANGUAGE plpgsql ${DEFINER} AS $$
    BEGIN
      DELETE FROM execution_requests request USING workspaces workspace
       WHERE request.execution_id = NEW.id AND workspace.id = NEW.workspace_id
         AND CASE WHEN workspace.store_content IS NULL THEN request.until_end
                  ELSE workspace.store_content = 'metadata' END;
      RETURN NULL;
    END $$`;

const IS_UNTIL_END = `,
               coalesce(settings.store_content, start.store_content) = 'metadata'`;

/** Unchanged but for the request. */
function startExecutions(column: string, value: string): string {
  return `
    CREATE OR REPLACE FUNCTION start_executions(starts json) RETURNS TABLE (execution_id uuid, started_at timestamptz,
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
        INSERT INTO execution_requests (execution_id, workspace_id, sealed${column})
        SELECT start.id, start.workspace_id, decode(start.request, 'base64')${value} FROM start
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
    END $$`;
}

const SINCE_ITS_START = `,
               latency_ms = least(extract(epoch FROM now() - execution.started_at) * 1000, 2147483647)::integer`;

/** Of one that never started there is no latency. */
function endQueuedExecution(latency: string): string {
  return `
    CREATE OR REPLACE FUNCTION end_queued_execution(queued_id uuid, owner_workspace_id uuid, becomes text,
        failure jsonb)
      RETURNS boolean LANGUAGE sql ${DEFINER} AS $$
      WITH ended AS (
        UPDATE agent_executions execution
           SET status = becomes, completed_at = now(), wake_up_at = NULL, error = failure${latency}
         WHERE execution.id = queued_id AND execution.workspace_id = owner_workspace_id
           AND execution.status = 'queued' AND becomes IN ('failed', 'cancelled')
        RETURNING id)
      SELECT EXISTS (SELECT FROM ended)
    $$`;
}

/** What the end left: it was accepted by a server that does not say, or its workspace has changed its mind since. */
const OR_ENDED = `;
      DELETE FROM execution_requests request USING workspaces workspace, agent_executions execution
       WHERE request.workspace_id = workspace.id AND request.execution_id > youngest
         AND execution.id = request.execution_id AND execution.mode = 'async'
         AND execution.status NOT IN ('queued', 'running')
         AND coalesce(workspace.store_content, default_store_content) = 'metadata'`;

function deleteExpired(furthermore: string): string {
  return `
    CREATE OR REPLACE FUNCTION delete_expired(default_store_content text, keep_hours integer) RETURNS integer
      LANGUAGE plpgsql ${DEFINER} AS $$
    DECLARE
      youngest uuid := first_execution_id(now() AT TIME ZONE 'UTC' - make_interval(hours => keep_hours));
      oldest uuid := first_execution_id(now() AT TIME ZONE 'UTC' - make_interval(hours => keep_hours + 168));
      deleted integer;
    BEGIN
      DELETE FROM idempotency_keys WHERE expires_at < now();
      GET DIAGNOSTICS deleted = ROW_COUNT;
      DELETE FROM execution_outputs output USING workspaces workspace
       WHERE output.workspace_id = workspace.id AND output.execution_id BETWEEN oldest AND youngest
         AND coalesce(workspace.store_content, default_store_content) = 'metadata';
      DELETE FROM execution_requests request USING workspaces workspace
       WHERE request.workspace_id = workspace.id AND request.execution_id BETWEEN oldest AND youngest
         AND coalesce(workspace.store_content, default_store_content) = 'metadata'
         AND NOT EXISTS (SELECT FROM agent_executions execution WHERE execution.id = request.execution_id
               AND execution.status IN ('queued', 'running'))${furthermore};
      RETURN deleted;
    END $$`;
}
