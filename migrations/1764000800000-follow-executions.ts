import type { MigrationInterface, QueryRunner } from 'typeorm';

const EXECUTION_TABLES = ['agent_executions', 'execution_attempts', 'attempt_outcomes'];
const TENANT = 'workspace_id = current_workspace_id()';

/**
 * What it takes to follow an execution to its end whatever dies on the way: who runs it, until when that
 * server is believed, under which key a client repeats it, and its content, sealed.
 */
export class FollowExecutions1764000800000 implements MigrationInterface {
  readonly name = 'FollowExecutions1764000800000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await addOwnership(queryRunner);
    await queryRunner.query(transitionGuard(TRANSITIONS));
    await sealContents(queryRunner);
    await createServers(queryRunner);
    await createIdempotencyKeys(queryRunner);
    await queryRunner.query(`
      ALTER TABLE workspaces
        ADD store_content text CONSTRAINT workspaces_store_content
          CHECK (store_content IN ('full', 'metadata')),
        ADD on_disconnect text NOT NULL DEFAULT 'finish' CONSTRAINT workspaces_on_disconnect
          CHECK (on_disconnect IN ('finish', 'cancel')),
        ADD store_at_provider boolean NOT NULL DEFAULT false`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE workspaces DROP store_content, DROP on_disconnect, DROP store_at_provider`);
    await queryRunner.query(`DROP TABLE idempotency_keys`);
    await queryRunner.query(`DROP TABLE servers`);
    await queryRunner.query(partitionMaker([...EXECUTION_TABLES, 'execution_outputs']));
    await queryRunner.query(detailsDeleter(['execution_outputs']));
    await queryRunner.query(`DROP TABLE execution_requests`);
    await queryRunner.query(`TRUNCATE execution_outputs`);
    await queryRunner.query(`ALTER TABLE execution_outputs DROP sealed, ADD output json NOT NULL`);
    await removeOwnership(queryRunner);
    await queryRunner.query(transitionGuard(TRANSITIONS_BEFORE));
  }
}

const TRANSITIONS_BEFORE = `('queued', 'running'), ('queued', 'cancelled'), ('queued', 'failed'),
          ('running', 'completed'), ('running', 'failed'), ('running', 'cancelled')`;
/** The same table as EXECUTION_TRANSITIONS in the application; a test compares the two. */
const TRANSITIONS = `${TRANSITIONS_BEFORE},
          ('running', 'queued'), ('running', 'interrupted'),
          ('interrupted', 'completed'), ('interrupted', 'failed')`;

function transitionGuard(transitions: string): string {
  return `
      CREATE OR REPLACE FUNCTION guard_execution_transition() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF (OLD.status, NEW.status) IN (
          ${transitions}
        ) THEN
          RETURN NEW;
        END IF;
        RAISE EXCEPTION 'an execution cannot go from % to %', OLD.status, NEW.status
          USING ERRCODE = 'check_violation', CONSTRAINT = 'agent_executions_transition';
      END $$`;
}

/** Those that ran under an earlier version have no owner who could settle them. */
async function addOwnership(queryRunner: QueryRunner): Promise<void> {
  await queryRunner.query(`
      ALTER TABLE agent_executions
        DROP CONSTRAINT agent_executions_status_known,
        DROP CONSTRAINT agent_executions_terminal,
        ADD mode text NOT NULL DEFAULT 'sync' CONSTRAINT agent_executions_mode
          CHECK (mode IN ('sync', 'stream', 'async')),
        ADD owner_id uuid,
        ADD fence integer NOT NULL DEFAULT 1,
        ADD timeout_ms integer NOT NULL DEFAULT 600000,
        ADD cancel_requested_at timestamptz,
        ADD wake_up_at timestamptz,
        -- As the client wrote it: jsonb would put its members into another order.
        ALTER metadata TYPE json`);
  await crossWorkspaces(
    queryRunner,
    `UPDATE agent_executions SET status = 'failed', completed_at = now(), error = json_build_object(
          'category', 'interrupted', 'code', 'interrupted', 'retryable', true, 'billed', 'unknown',
          'message', 'The server that ran it was updated before it ended.')
       WHERE status = 'running'`,
  );
  await queryRunner.query(`
      ALTER TABLE agent_executions
        ADD CONSTRAINT agent_executions_status_known CHECK
          (status IN ('queued', 'running', 'completed', 'failed', 'cancelled', 'interrupted')),
        ADD CONSTRAINT agent_executions_terminal CHECK
          ((status IN ('completed', 'failed', 'cancelled', 'interrupted')) = (completed_at IS NOT NULL)),
        ADD CONSTRAINT agent_executions_owned CHECK ((status = 'running') = (owner_id IS NOT NULL))`);
  await queryRunner.query(
    `CREATE INDEX agent_executions_running ON agent_executions (owner_id) WHERE status = 'running'`,
  );
  await queryRunner.query(
    `CREATE INDEX agent_executions_queued ON agent_executions (wake_up_at) WHERE status = 'queued'`,
  );
}

async function removeOwnership(queryRunner: QueryRunner): Promise<void> {
  await queryRunner.query(`
      ALTER TABLE agent_executions
        DROP CONSTRAINT agent_executions_owned,
        DROP CONSTRAINT agent_executions_status_known,
        DROP CONSTRAINT agent_executions_terminal,
        DISABLE TRIGGER agent_executions_transition`);
  await crossWorkspaces(
    queryRunner,
    `UPDATE agent_executions SET status = 'failed', completed_at = coalesce(completed_at, now())
      WHERE status IN ('interrupted', 'running')`,
  );
  await queryRunner.query(`
      ALTER TABLE agent_executions
        ENABLE TRIGGER agent_executions_transition,
        DROP mode, DROP owner_id, DROP fence, DROP timeout_ms, DROP cancel_requested_at, DROP wake_up_at,
        ALTER metadata TYPE jsonb,
        ADD CONSTRAINT agent_executions_status_known CHECK
          (status IN ('queued', 'running', 'completed', 'failed', 'cancelled')),
        ADD CONSTRAINT agent_executions_terminal CHECK
          ((status IN ('completed', 'failed', 'cancelled')) = (completed_at IS NOT NULL))`);
}

/** Row-level security binds the owner of a table too; this role sees every workspace. */
async function crossWorkspaces(queryRunner: QueryRunner, statement: string): Promise<void> {
  await queryRunner.query(`SET LOCAL ROLE keyrun_definer`);
  await queryRunner.query(statement);
  await queryRunner.query(`RESET ROLE`);
}

/** Answers were stored in plain text before; those are removed, since only the application can seal. */
async function sealContents(queryRunner: QueryRunner): Promise<void> {
  await queryRunner.query(`TRUNCATE execution_outputs`);
  await queryRunner.query(`ALTER TABLE execution_outputs DROP output, ADD sealed bytea NOT NULL`);
  await queryRunner.query(`
      CREATE TABLE execution_requests (
        execution_id uuid NOT NULL CONSTRAINT execution_requests_pkey PRIMARY KEY,
        workspace_id uuid NOT NULL,
        sealed bytea NOT NULL
      ) PARTITION BY RANGE (execution_id)`);
  await protect(queryRunner, 'execution_requests', TENANT);
  await queryRunner.query(`GRANT SELECT ON execution_requests TO keyrun_runtime`);
  await queryRunner.query(detailsDeleter(['execution_outputs', 'execution_requests']));
  const tables = [...EXECUTION_TABLES, 'execution_outputs', 'execution_requests'];
  await queryRunner.query(partitionMaker(tables));
  await queryRunner.query(`SELECT ensure_execution_partitions(3)`);
}

function detailsDeleter(contents: readonly string[]): string {
  const tables = [...contents, 'execution_attempts', 'attempt_outcomes'];
  return `
      CREATE OR REPLACE FUNCTION delete_execution_details() RETURNS trigger LANGUAGE plpgsql
        SECURITY DEFINER SET search_path = public, pg_temp AS $$
      BEGIN
        ${tables.map((table) => `DELETE FROM ${table} WHERE execution_id = OLD.id;`).join('\n        ')}
        RETURN NULL;
      END $$`;
}

function partitionMaker(tables: readonly string[]): string {
  return `
      CREATE OR REPLACE FUNCTION create_execution_partitions(months_ahead integer) RETURNS void
      LANGUAGE plpgsql AS $$
      DECLARE
        parent text;
        -- UTC, without a zone: its epoch does not depend on the session.
        month timestamp;
      BEGIN
        PERFORM pg_advisory_xact_lock(hashtext('ensure_execution_partitions'));
        FOR step IN -1 .. months_ahead LOOP
          month := date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => step);
          FOREACH parent IN ARRAY ARRAY[${tables.map((table) => `'${table}'`).join(', ')}] LOOP
            EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
              parent || to_char(month, '_YYYY_MM'), parent,
              first_execution_id(month), first_execution_id(month + interval '1 month'));
          END LOOP;
        END LOOP;
      END $$`;
}

/** One row per server. It counts as alive until `lease_until`, by the clock of the database only. */
async function createServers(queryRunner: QueryRunner): Promise<void> {
  await queryRunner.query(`
      CREATE TABLE servers (
        id uuid NOT NULL CONSTRAINT servers_pkey PRIMARY KEY,
        started_at timestamptz NOT NULL,
        lease_until timestamptz NOT NULL
      )`);
  await protect(queryRunner, 'servers', null);
}

/** Not partitioned: a unique key over partitions would have to contain their bounds. */
async function createIdempotencyKeys(queryRunner: QueryRunner): Promise<void> {
  await queryRunner.query(`
      CREATE TABLE idempotency_keys (
        workspace_id uuid NOT NULL CONSTRAINT idempotency_keys_workspace_id_fkey
          REFERENCES workspaces ON DELETE CASCADE,
        key text NOT NULL CONSTRAINT idempotency_keys_length
          CHECK (length(key) BETWEEN 1 AND 255),
        fingerprint text NOT NULL,
        execution_id uuid NOT NULL,
        expires_at timestamptz NOT NULL,
        CONSTRAINT idempotency_keys_pkey PRIMARY KEY (workspace_id, key)
      )`);
  await queryRunner.query(
    `CREATE INDEX idempotency_keys_expires_at ON idempotency_keys (expires_at)`,
  );
  await protect(queryRunner, 'idempotency_keys', TENANT);
  await queryRunner.query(`GRANT SELECT ON idempotency_keys TO keyrun_runtime`);
}

/** @param tenant - the condition under which a row belongs to the transaction; null: functions only. */
async function protect(queryRunner: QueryRunner, table: string, tenant: string | null) {
  await queryRunner.query(`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`);
  await queryRunner.query(`ALTER TABLE ${table} FORCE ROW LEVEL SECURITY`);
  if (tenant !== null) {
    await queryRunner.query(
      `CREATE POLICY ${table}_tenant ON ${table} USING (${tenant}) WITH CHECK (${tenant})`,
    );
  }
  await queryRunner.query(
    `CREATE POLICY ${table}_definer ON ${table} TO keyrun_definer USING (true) WITH CHECK (true)`,
  );
  await queryRunner.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO keyrun_definer`);
}
