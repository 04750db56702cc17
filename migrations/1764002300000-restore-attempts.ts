import type { MigrationInterface, QueryRunner } from 'typeorm';

const SIGNATURE = 'restore_attempts(json)';

/** What a database lost of an execution that it still has, when it failed over to a standby that was behind. */
export class RestoreAttempts1764002300000 implements MigrationInterface {
  readonly name = 'RestoreAttempts1764002300000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`GRANT CREATE ON SCHEMA public TO keyrun_definer`);
    await queryRunner.query(`CREATE FUNCTION ${RESTORE}`);
    await queryRunner.query(`ALTER FUNCTION ${SIGNATURE} OWNER TO keyrun_definer`);
    await queryRunner.query(`REVOKE ALL ON FUNCTION ${SIGNATURE} FROM PUBLIC`);
    await queryRunner.query(`GRANT EXECUTE ON FUNCTION ${SIGNATURE} TO keyrun_runtime`);
    await queryRunner.query(`REVOKE CREATE ON SCHEMA public FROM keyrun_definer`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP FUNCTION ${SIGNATURE}`);
  }
}

const DEFINER = 'SECURITY DEFINER SET search_path = public, pg_temp';
const OUTCOME_FIELDS = `execution_id uuid, attempt_number smallint, workspace_id uuid, error_category text,
          billed text, upstream_status integer, upstream_code text, provider_request_id text, model text,
          input_tokens integer, output_tokens integer, cache_read_tokens integer, cache_write_tokens integer,
          reasoning_tokens integer, usage_source text, cost_nano_usd bigint, price jsonb,
          latency_ms integer, wait_ms integer`;
const OUTCOME_COLUMNS = `execution_id, attempt_number, workspace_id, error_category, billed,
          upstream_status, upstream_code, provider_request_id, model, input_tokens, output_tokens,
          cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_source, cost_nano_usd, price,
          latency_ms, wait_ms`;

/**
 * Before a settlement under this fence: the claim that gave the fence, if the execution waits in the queue again, the
 * attempts, and the outcomes of all but the last. Writes what is missing and nothing else, but that the outcome which
 * a sweep guessed is followed by the true one. A late receipt becomes revision 2 of the last attempt, so revision 1
 * is that of the sweep, which did not see the attempt. Returns whether there is something to settle.
 */
const RESTORE = `
    restore_attempts(lost json) RETURNS boolean LANGUAGE plpgsql ${DEFINER} AS $$
    #variable_conflict use_column
    DECLARE
      lost_id uuid := lost ->> 'execution_id';
      owner_workspace_id uuid := lost ->> 'workspace_id';
      lost_fence integer := lost ->> 'fence';
      found agent_executions;
    BEGIN
      SELECT * INTO found FROM agent_executions
        WHERE id = lost_id AND workspace_id = owner_workspace_id FOR UPDATE;
      CASE
        WHEN found.status = 'queued' AND found.fence = lost_fence - 1 THEN
          UPDATE agent_executions
             SET status = 'running', owner_id = (lost ->> 'owner_id')::uuid, fence = lost_fence,
                 wake_up_at = NULL, started_at = coalesce(started_at, now()),
                 api_key_id = (lost ->> 'api_key_id')::uuid
           WHERE id = lost_id;
        WHEN found.status = 'running' AND found.fence = lost_fence THEN NULL;
        WHEN found.status = 'interrupted' AND found.fence = lost_fence + 1 THEN NULL;
        ELSE RETURN false;
      END CASE;
      INSERT INTO execution_attempts (execution_id, attempt_number, workspace_id, provider, model,
          api_key_id, started_at)
        SELECT lost_id, attempt_number, owner_workspace_id, provider, model, api_key_id, started_at
          FROM json_to_recordset(lost -> 'attempts') AS attempt (attempt_number smallint, provider text,
            model text, api_key_id uuid, started_at timestamptz)
        ON CONFLICT DO NOTHING;
      INSERT INTO attempt_outcomes (revision, ended_at, ${OUTCOME_COLUMNS})
        SELECT coalesce(newest.revision, 0) + 1, now(), ${prefixed('outcome')}
          FROM json_to_recordset(lost -> 'outcomes') AS outcome (${OUTCOME_FIELDS})
          LEFT JOIN LATERAL (
            SELECT revision, error_category FROM attempt_outcomes known
             WHERE known.execution_id = lost_id AND known.attempt_number = outcome.attempt_number
             ORDER BY revision DESC LIMIT 1) AS newest ON true
         WHERE newest.revision IS NULL
            OR newest.error_category = 'interrupted' AND outcome.error_category <> 'interrupted';
      IF found.status = 'interrupted' THEN
        INSERT INTO attempt_outcomes (execution_id, attempt_number, revision, workspace_id,
            error_category, billed, latency_ms, ended_at)
          VALUES (lost_id, (lost ->> 'attempt_number')::smallint, 1, owner_workspace_id,
            'interrupted', 'unknown', 0, now())
          ON CONFLICT DO NOTHING;
      END IF;
      RETURN true;
    END $$`;

function prefixed(name: string): string {
  return OUTCOME_COLUMNS.split(',')
    .map((column) => `${name}.${column.trim()}`)
    .join(', ');
}
