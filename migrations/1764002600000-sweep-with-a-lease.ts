import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Whether a server may take others for dead is decided by the statement that does it. A server that asked while the
 * database was frozen has its statement carried out at the thaw, when every lease has run out for no fault of the others.
 */
export class SweepWithALease1764002600000 implements MigrationInterface {
  readonly name = 'SweepWithALease1764002600000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      `ALTER TABLE servers ADD held_since timestamptz NOT NULL DEFAULT clock_timestamp()`,
    );
    await queryRunner.query(renewLease(KEEPING_SINCE));
    await queryRunner.query(`GRANT CREATE ON SCHEMA public TO keyrun_definer`);
    await queryRunner.query(`CREATE FUNCTION ${SWEEP}`);
    await queryRunner.query(`ALTER FUNCTION ${SWEEP_SIGNATURE} OWNER TO keyrun_definer`);
    await queryRunner.query(`REVOKE ALL ON FUNCTION ${SWEEP_SIGNATURE} FROM PUBLIC`);
    await queryRunner.query(`GRANT EXECUTE ON FUNCTION ${SWEEP_SIGNATURE} TO keyrun_runtime`);
    await queryRunner.query(`REVOKE CREATE ON SCHEMA public FROM keyrun_definer`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP FUNCTION ${SWEEP_SIGNATURE}`);
    await queryRunner.query(renewLease(''));
    await queryRunner.query(`ALTER TABLE servers DROP held_since`);
  }
}

const DEFINER = 'SECURITY DEFINER SET search_path = public, pg_temp';

/** A lease is renewed every second. Half of one without a renewal is a gap, though it has not run out. */
const KEEPING_SINCE = `,
          held_since = CASE WHEN server.lease_until < clock_timestamp() + make_interval(secs => lease_ms / 2000.0)
                            THEN clock_timestamp() ELSE server.held_since END`;

function renewLease(furthermore: string): string {
  return `
    CREATE OR REPLACE FUNCTION renew_lease(server_id uuid, lease_ms integer) RETURNS TABLE (execution_id uuid)
      LANGUAGE plpgsql ${DEFINER} AS $$
    BEGIN
      INSERT INTO servers AS server (id, started_at, lease_until)
        VALUES (server_id, clock_timestamp(), clock_timestamp() + make_interval(secs => lease_ms / 1000.0))
        ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until${furthermore};
      RETURN QUERY SELECT execution.id FROM agent_executions execution
        WHERE execution.owner_id = server_id AND execution.status = 'running'
          AND execution.cancel_requested_at IS NOT NULL;
    END $$`;
}

const SWEEP_SIGNATURE = 'sweep_executions(uuid, integer, integer, text)';

// Nobody, unless the sweeper has held its lease without a gap for the length of one: so long the others had to renew
// theirs.
const SWEEP = `
    sweep_executions(sweeper_id uuid, lease_ms integer, most integer, message text)
      RETURNS TABLE (execution_id uuid, workspace_id uuid, status text)
      LANGUAGE plpgsql ${DEFINER} AS $$
    BEGIN
      IF EXISTS (SELECT FROM servers server WHERE server.id = sweeper_id
                   AND server.lease_until >= clock_timestamp() + make_interval(secs => lease_ms / 2000.0)
                   AND server.held_since <= clock_timestamp() - make_interval(secs => lease_ms / 1000.0)) THEN
        RETURN QUERY SELECT * FROM interrupt_executions(NULL, most, message);
      END IF;
    END $$`;
