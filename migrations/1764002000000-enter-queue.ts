import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A workspace has no more executions in the queue than may wait, also when they come at the same moment. */
export class EnterQueue1764002000000 implements MigrationInterface {
  readonly name = 'EnterQueue1764002000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`GRANT CREATE ON SCHEMA public TO keyrun_definer`);
    await queryRunner.query(ENTER_QUEUE);
    await queryRunner.query(`ALTER FUNCTION ${SIGNATURE} OWNER TO keyrun_definer`);
    await queryRunner.query(`REVOKE ALL ON FUNCTION ${SIGNATURE} FROM PUBLIC`);
    await queryRunner.query(`GRANT EXECUTE ON FUNCTION ${SIGNATURE} TO keyrun_runtime`);
    await queryRunner.query(`REVOKE CREATE ON SCHEMA public FROM keyrun_definer`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP FUNCTION ${SIGNATURE}`);
  }
}

const SIGNATURE = 'enter_queue(uuid, integer)';

// Whether one more may be queued by the transaction that asks, before it queues it. Only committed rows are seen, so of
// a workspace that is nearly full one transaction comes after the other, by a lock that each holds to its end. While
// there is more room than connections, each of which can have one more row under way, they share the lock and come at
// the same time; whoever needs it alone waits for them. The wait for others may be long. For anything else, such as a
// table that is locked, the transaction does not wait longer than a start may.
const ENTER_QUEUE = `
  CREATE FUNCTION enter_queue(owner_workspace_id uuid, most integer) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  DECLARE
    queue bigint := hashtextextended('queue of ' || owner_workspace_id, 0);
    roomy integer := most - current_setting('max_connections')::integer;
  BEGIN
    PERFORM set_config('lock_timeout', '5s', true);
    IF roomy > 0 THEN
      BEGIN
        PERFORM pg_advisory_xact_lock_shared(queue);
        PERFORM set_config('lock_timeout', '1200ms', true);
        IF count_queued_executions(owner_workspace_id, roomy) < roomy THEN RETURN true; END IF;
        RAISE SQLSTATE 'KR001';
      EXCEPTION WHEN SQLSTATE 'KR001' THEN
        NULL; -- The end of this block has given the shared lock back: two that hold it could not both get it alone.
      END;
    END IF;
    PERFORM pg_advisory_xact_lock(queue);
    PERFORM set_config('lock_timeout', '1200ms', true);
    RETURN count_queued_executions(owner_workspace_id, most) < most;
  END $$`;
