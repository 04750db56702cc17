import type { MigrationInterface, QueryRunner } from 'typeorm';

/** An execution in the queue, or one that may go back there, needs its request whatever its workspace keeps. */
export class KeepWhatWaits1764001800000 implements MigrationInterface {
  readonly name = 'KeepWhatWaits1764001800000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      deleteExpired(`
         AND NOT EXISTS (SELECT FROM agent_executions execution WHERE execution.id = request.execution_id
               AND execution.status IN ('queued', 'running'))`),
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(deleteExpired(''));
  }
}

/** What no retry can ask for any more: used keys, and content that its workspace does not keep. */
function deleteExpired(sparing: string): string {
  return `
    CREATE OR REPLACE FUNCTION delete_expired(default_store_content text, keep_hours integer) RETURNS integer
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
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
         AND coalesce(workspace.store_content, default_store_content) = 'metadata'${sparing};
      RETURN deleted;
    END $$`;
}
