import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What ends an execution that a living server is said to run, but of which it knows nothing. And what ends those of dead
 * servers ends them however long ago they started: one whose age in milliseconds is no integer, after 25 days without a
 * server, kept all of them from their end.
 */
export class ForgottenExecutions1764002400000 implements MigrationInterface {
  readonly name = 'ForgottenExecutions1764002400000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(interruptExecutions(atMost));
    await queryRunner.query(`GRANT CREATE ON SCHEMA public TO keyrun_definer`);
    for (const [signature, definition] of Object.entries(FUNCTIONS)) {
      await queryRunner.query(`CREATE FUNCTION ${definition}`);
      await queryRunner.query(`ALTER FUNCTION ${signature} OWNER TO keyrun_definer`);
      await queryRunner.query(`REVOKE ALL ON FUNCTION ${signature} FROM PUBLIC`);
      await queryRunner.query(`GRANT EXECUTE ON FUNCTION ${signature} TO keyrun_runtime`);
    }
    await queryRunner.query(`REVOKE CREATE ON SCHEMA public FROM keyrun_definer`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const signature of Object.keys(FUNCTIONS)) {
      await queryRunner.query(`DROP FUNCTION ${signature}`);
    }
    await queryRunner.query(interruptExecutions(overflowing));
  }
}

const DEFINER = 'SECURITY DEFINER SET search_path = public, pg_temp';

const FUNCTIONS: Readonly<Record<string, string>> = {
  // NOT IN, which is always a hash of what is known: a join may be planned as a loop over it for each row.
  'list_unknown_executions(uuid, uuid[], integer)': `
    list_unknown_executions(server_id uuid, known uuid[], most integer)
      RETURNS TABLE (execution_id uuid, fence integer) LANGUAGE sql STABLE ${DEFINER} AS $$
      SELECT execution.id, execution.fence FROM agent_executions execution
       WHERE execution.status = 'running' AND execution.owner_id = server_id
         AND execution.id NOT IN (SELECT unnest(known))
       ORDER BY execution.id LIMIT most
    $$`,

  // As if the server of this one had died: for that it belongs to nobody, which no other transaction sees. Alone, so
  // that one whose end the database refuses keeps no other from it. Null: it has ended, or has another owner by now.
  'interrupt_forgotten_execution(uuid, uuid, integer, text)': `
    interrupt_forgotten_execution(server_id uuid, forgotten_id uuid, forgotten_fence integer, message text)
      RETURNS text LANGUAGE plpgsql ${DEFINER} AS $$
    DECLARE
      nobody CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    BEGIN
      UPDATE agent_executions execution SET owner_id = nobody
       WHERE execution.id = forgotten_id AND execution.owner_id = server_id
         AND execution.status = 'running' AND execution.fence = forgotten_fence;
      IF NOT FOUND THEN RETURN NULL; END IF;
      RETURN (SELECT interrupted.status FROM interrupt_executions(nobody, 1, message) AS interrupted);
    END $$`,
};

/** Milliseconds since then, as the expression of an integer. */
type Age = (since: string) => string;

const overflowing: Age = (since) =>
  `(extract(epoch FROM clock_timestamp() - ${since}) * 1000)::integer`;
const atMost: Age = (since) =>
  `least(extract(epoch FROM clock_timestamp() - ${since}) * 1000, 2147483647)::integer`;

/** Unchanged but for the age. */
function interruptExecutions(milliseconds: Age): string {
  return `
    CREATE OR REPLACE FUNCTION interrupt_executions(leaving_server uuid, most integer, message text)
      RETURNS TABLE (execution_id uuid, workspace_id uuid, status text)
      LANGUAGE plpgsql ${DEFINER} AS $$
    #variable_conflict use_column
    BEGIN
      RETURN QUERY
      WITH dead AS (
        SELECT execution.id, execution.mode FROM agent_executions execution
         WHERE execution.status = 'running' AND CASE
           WHEN leaving_server IS NOT NULL THEN execution.owner_id = leaving_server
           ELSE NOT EXISTS (SELECT FROM servers server WHERE server.id = execution.owner_id
                              AND server.lease_until >= clock_timestamp())
             OR execution.deadline_at < clock_timestamp() - interval '10 minutes' END
         LIMIT most FOR UPDATE OF execution SKIP LOCKED),
      last AS (
        SELECT DISTINCT ON (attempt.execution_id) attempt.execution_id, attempt.attempt_number,
               attempt.workspace_id, attempt.started_at, dead.mode,
               (SELECT outcome.billed FROM attempt_outcomes outcome
                 WHERE outcome.execution_id = attempt.execution_id
                   AND outcome.attempt_number = attempt.attempt_number
                 ORDER BY outcome.revision DESC LIMIT 1) AS billed
          FROM execution_attempts attempt JOIN dead ON dead.id = attempt.execution_id
         ORDER BY attempt.execution_id, attempt.attempt_number DESC),
      verdict AS (
        SELECT *, CASE WHEN billed IS NULL THEN 'interrupted' WHEN mode = 'async' THEN 'queued'
                       ELSE 'failed' END AS becomes FROM last),
      moved AS (
        UPDATE agent_executions execution
           SET status = verdict.becomes, owner_id = NULL, fence = execution.fence + 1,
               completed_at = CASE WHEN verdict.becomes <> 'queued' THEN clock_timestamp() END,
               wake_up_at = CASE WHEN verdict.becomes = 'queued' THEN '-infinity'::timestamptz END,
               latency_ms = ${milliseconds('execution.started_at')},
               cost_nano_usd = (SELECT sum(outcome.cost_nano_usd)::bigint FROM attempt_outcomes outcome
                                 WHERE outcome.execution_id = execution.id),
               error = CASE WHEN verdict.becomes <> 'queued' THEN jsonb_build_object(
                 'category', 'interrupted', 'code', 'interrupted', 'message', message,
                 'retryable', true, 'billed', coalesce(verdict.billed, 'unknown')) END
          FROM verdict WHERE execution.id = verdict.execution_id
        RETURNING execution.id, execution.workspace_id, execution.status),
      outcome AS (
        INSERT INTO attempt_outcomes (execution_id, attempt_number, revision, workspace_id,
          error_category, billed, latency_ms, ended_at)
        SELECT execution_id, attempt_number, 1, workspace_id, 'interrupted', 'unknown',
               ${milliseconds('started_at')}, clock_timestamp()
          FROM verdict WHERE becomes = 'interrupted'
        ON CONFLICT DO NOTHING)
      SELECT moved.id, moved.workspace_id, moved.status FROM moved;
    END $$`;
}
