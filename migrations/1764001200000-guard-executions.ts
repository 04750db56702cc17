import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What holds although answers of the database get lost and servers die: every attempt of an execution that ended has
 * an outcome, and what brings down whoever takes it out of the queue is not taken a third time.
 */
export class GuardExecutions1764001200000 implements MigrationInterface {
  readonly name = 'GuardExecutions1764001200000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE agent_executions
        ADD taken_by uuid,
        ADD lost_takes smallint NOT NULL DEFAULT 0`);
    for (const definition of REPLACED_AFTER) await queryRunner.query(definition);
    await queryRunner.query(`GRANT CREATE ON SCHEMA public TO keyrun_definer`);
    for (const [signature, definition] of Object.entries(FUNCTIONS)) {
      await queryRunner.query(`CREATE FUNCTION ${definition}`);
      await queryRunner.query(`ALTER FUNCTION ${signature} OWNER TO keyrun_definer`);
      await queryRunner.query(`REVOKE ALL ON FUNCTION ${signature} FROM PUBLIC`);
      await queryRunner.query(`GRANT EXECUTE ON FUNCTION ${signature} TO keyrun_runtime`);
    }
    await queryRunner.query(`REVOKE CREATE ON SCHEMA public FROM keyrun_definer`);
    await queryRunner.query(`
      CREATE TRIGGER agent_executions_attempts AFTER UPDATE OF status ON agent_executions
        FOR EACH ROW WHEN (NEW.status IN ('failed', 'cancelled'))
        EXECUTE FUNCTION close_unsent_attempts()`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TRIGGER agent_executions_attempts ON agent_executions`);
    for (const signature of Object.keys(FUNCTIONS)) {
      await queryRunner.query(`DROP FUNCTION ${signature}`);
    }
    for (const definition of REPLACED_BEFORE) await queryRunner.query(definition);
    await queryRunner.query(`ALTER TABLE agent_executions DROP taken_by, DROP lost_takes`);
  }
}

const DEFINER = 'SECURITY DEFINER SET search_path = public, pg_temp';
const BY_KEY = 'SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off';

/** Only of an execution that is still there and still the caller's. */
function startAttempts(lock: 'KEY SHARE' | 'SHARE'): string {
  return `
    CREATE OR REPLACE FUNCTION start_attempts(attempts json)
      RETURNS TABLE (execution_id uuid, started_at timestamptz)
      LANGUAGE sql ${DEFINER} ${BY_KEY} AS $$
      INSERT INTO execution_attempts AS attempt (execution_id, attempt_number, workspace_id, provider, model,
        api_key_id, started_at)
      SELECT execution.id, start.attempt_number, execution.workspace_id, start.provider, start.model,
             start.api_key_id, now()
        FROM json_to_recordset(attempts) AS start (execution_id uuid, attempt_number smallint,
          workspace_id uuid, fence integer, provider text, model text, api_key_id uuid)
        JOIN agent_executions execution
          ON execution.id = start.execution_id AND execution.workspace_id = start.workspace_id
       WHERE execution.status = 'running' AND execution.fence = start.fence FOR ${lock} OF execution
      RETURNING attempt.execution_id, attempt.started_at
    $$`;
}

function endLease(releasing: string): string {
  return `
    CREATE OR REPLACE FUNCTION end_lease(server_id uuid) RETURNS void LANGUAGE sql ${DEFINER} AS $$
      ${releasing}
      DELETE FROM servers WHERE id = server_id OR lease_until < clock_timestamp() - interval '1 day'
    $$`;
}

/**
 * An attempt waits for the end of its execution that is being written, and the end for the attempt, so that none is
 * written after the end. A server that leaves in order has brought nothing down.
 */
const REPLACED_AFTER = [
  startAttempts('SHARE'),
  endLease(
    `UPDATE agent_executions SET taken_by = NULL WHERE status = 'queued' AND taken_by = server_id;`,
  ),
];
const REPLACED_BEFORE = [startAttempts('KEY SHARE'), endLease('')];

const FUNCTIONS: Readonly<Record<string, string>> = {
  // Whoever ended it had not heard that these were written ahead, so none of them was sent.
  'close_unsent_attempts()': `
    close_unsent_attempts() RETURNS trigger LANGUAGE plpgsql ${DEFINER} AS $$
    BEGIN
      INSERT INTO attempt_outcomes (execution_id, attempt_number, revision, workspace_id, error_category,
          billed, latency_ms, ended_at)
        SELECT attempt.execution_id, attempt.attempt_number, 1, attempt.workspace_id,
               'ledger_unavailable', 'no', 0, clock_timestamp()
          FROM execution_attempts attempt WHERE attempt.execution_id = NEW.id
        ON CONFLICT DO NOTHING;
      RETURN NULL;
    END $$`,

  // Before anything of it is opened. Returns how many servers died between here and its claim; null: it does not
  // wait any more. A server that lives may have put it back.
  'take_up_execution(uuid, uuid, uuid)': `
    take_up_execution(queued_id uuid, owner_workspace_id uuid, server_id uuid) RETURNS integer
      LANGUAGE sql ${DEFINER} AS $$
      UPDATE agent_executions execution
         SET taken_by = server_id,
             lost_takes = lost_takes + CASE WHEN taken_by <> server_id AND NOT server_is_alive(taken_by)
               THEN 1 ELSE 0 END
       WHERE execution.id = queued_id AND execution.workspace_id = owner_workspace_id
         AND execution.status = 'queued'
      RETURNING lost_takes::integer
    $$`,

  // How many of a workspace wait, counted no further than asked.
  'count_queued_executions(uuid, integer)': `
    count_queued_executions(owner_workspace_id uuid, most integer) RETURNS integer
      LANGUAGE sql STABLE ${DEFINER} AS $$
      SELECT count(*)::integer FROM (
        SELECT FROM agent_executions
         WHERE workspace_id = owner_workspace_id AND status = 'queued' LIMIT most) AS queued
    $$`,
};
