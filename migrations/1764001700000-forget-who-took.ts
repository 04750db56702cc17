import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Whoever has claimed an execution was not brought down by taking it out of the queue, however it ends: it goes back
 * there when its server dies between two attempts.
 */
export class ForgetWhoTook1764001700000 implements MigrationInterface {
  readonly name = 'ForgetWhoTook1764001700000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(claimExecution('taken_by = NULL, '));
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(claimExecution(''));
  }
}

/** Takes it out of the queue and writes its next attempt ahead. No row: another server was first, or it ended. */
function claimExecution(forgetting: string): string {
  return `
    CREATE OR REPLACE FUNCTION claim_execution(queued_id uuid, owner_workspace_id uuid, server_id uuid,
        paying_key_id uuid)
      RETURNS TABLE (fence integer, attempt_number integer, created_at timestamptz, started_at timestamptz,
        attempt_started_at timestamptz, remaining_ms integer, store_at_provider boolean)
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    #variable_conflict use_column
    BEGIN
      RETURN QUERY
      WITH claimed AS (
        UPDATE agent_executions execution
           SET status = 'running', owner_id = server_id, fence = execution.fence + 1, wake_up_at = NULL,
               ${forgetting}api_key_id = paying_key_id, started_at = coalesce(execution.started_at, now()),
               deadline_at = CASE WHEN execution.started_at IS NULL
                 THEN now() + make_interval(secs => execution.timeout_ms / 1000.0)
                 ELSE execution.deadline_at END
         WHERE execution.id = queued_id AND execution.workspace_id = owner_workspace_id
           AND execution.status = 'queued'
        RETURNING execution.*),
      attempt AS (
        INSERT INTO execution_attempts (execution_id, attempt_number, workspace_id, provider, model,
          api_key_id, started_at)
        SELECT id, (SELECT coalesce(max(before.attempt_number), 0) + 1 FROM execution_attempts before
                     WHERE before.execution_id = queued_id),
               workspace_id, provider, model, api_key_id, now() FROM claimed
        RETURNING attempt_number)
      SELECT claimed.fence, attempt.attempt_number::integer, claimed.created_at, claimed.started_at, now(),
             greatest(0, extract(epoch FROM claimed.deadline_at - now()) * 1000)::integer,
             (SELECT workspace.store_at_provider FROM workspaces workspace
               WHERE workspace.id = owner_workspace_id)
        FROM claimed CROSS JOIN attempt;
    END $$`;
}
