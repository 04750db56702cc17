import type { MigrationInterface, QueryRunner } from 'typeorm';

const PARTITIONED_TABLES = [
  'agent_executions',
  'execution_outputs',
  'execution_attempts',
  'attempt_outcomes',
];

/** Columns that an execution and an attempt's outcome have in common. */
const METERED_COLUMNS = `
        input_tokens integer,
        output_tokens integer,
        cache_read_tokens integer,
        cache_write_tokens integer,
        reasoning_tokens integer,
        usage_source text,`;

export class CreateExecutions1764000200000 implements MigrationInterface {
  readonly name = 'CreateExecutions1764000200000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await createTables(queryRunner);
    await createIndexes(queryRunner);
    await createTriggers(queryRunner);
    await createPartitionMaker(queryRunner);
    await queryRunner.query(`SELECT ensure_execution_partitions(3)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP FUNCTION ensure_execution_partitions(integer)`);
    await queryRunner.query(`DROP FUNCTION first_execution_id(timestamp)`);
    for (const table of [...PARTITIONED_TABLES].reverse()) {
      await queryRunner.query(`DROP TABLE ${table}`);
    }
    for (const name of [
      'guard_execution_transition',
      'delete_execution_details',
      'refuse_outcome_update',
    ]) {
      await queryRunner.query(`DROP FUNCTION ${name}()`);
    }
  }
}

async function createTables(queryRunner: QueryRunner): Promise<void> {
  await queryRunner.query(`
      CREATE TABLE agent_executions (
        id uuid NOT NULL CONSTRAINT agent_executions_pkey PRIMARY KEY,
        workspace_id uuid NOT NULL CONSTRAINT agent_executions_workspace_id_fkey
          REFERENCES workspaces ON DELETE CASCADE,
        agent_id text NOT NULL,
        provider text NOT NULL,
        model text NOT NULL,
        status text NOT NULL CONSTRAINT agent_executions_status_known
          CHECK (status IN ('queued', 'running', 'completed', 'failed', 'cancelled')),
        api_key_id uuid,
        finish_reason text,
        error jsonb,
        ${METERED_COLUMNS}
        cost_nano_usd bigint CONSTRAINT agent_executions_cost CHECK (cost_nano_usd >= 0),
        metadata jsonb,
        created_at timestamptz NOT NULL,
        started_at timestamptz,
        completed_at timestamptz,
        deadline_at timestamptz NOT NULL,
        latency_ms integer,
        time_to_first_token_ms integer,
        CONSTRAINT agent_executions_terminal CHECK
          ((status IN ('completed', 'failed', 'cancelled')) = (completed_at IS NOT NULL)),
        CONSTRAINT agent_executions_completed_metered CHECK (status <> 'completed' OR
          (input_tokens IS NOT NULL AND output_tokens IS NOT NULL AND usage_source IS NOT NULL))
      ) PARTITION BY RANGE (id)`);
  await queryRunner.query(`
      CREATE TABLE execution_outputs (
        execution_id uuid NOT NULL CONSTRAINT execution_outputs_pkey PRIMARY KEY,
        workspace_id uuid NOT NULL,
        output json NOT NULL
      ) PARTITION BY RANGE (execution_id)`);
  await queryRunner.query(`
      CREATE TABLE execution_attempts (
        execution_id uuid NOT NULL,
        attempt_number smallint NOT NULL CONSTRAINT execution_attempts_number
          CHECK (attempt_number >= 1),
        workspace_id uuid NOT NULL,
        provider text NOT NULL,
        model text NOT NULL,
        api_key_id uuid,
        started_at timestamptz NOT NULL,
        CONSTRAINT execution_attempts_pkey PRIMARY KEY (execution_id, attempt_number)
      ) PARTITION BY RANGE (execution_id)`);
  await queryRunner.query(`
      CREATE TABLE attempt_outcomes (
        execution_id uuid NOT NULL,
        attempt_number smallint NOT NULL,
        revision smallint NOT NULL,
        workspace_id uuid NOT NULL,
        error_category text,
        billed text NOT NULL CONSTRAINT attempt_outcomes_billed
          CHECK (billed IN ('no', 'yes', 'partial', 'unknown')),
        upstream_status integer,
        upstream_code text,
        provider_request_id text,
        model text,
        ${METERED_COLUMNS}
        cost_nano_usd bigint CONSTRAINT attempt_outcomes_cost CHECK (cost_nano_usd >= 0),
        price jsonb,
        latency_ms integer NOT NULL,
        wait_ms integer,
        ended_at timestamptz NOT NULL,
        CONSTRAINT attempt_outcomes_pkey PRIMARY KEY (execution_id, attempt_number, revision)
      ) PARTITION BY RANGE (execution_id)`);
}

async function createIndexes(queryRunner: QueryRunner): Promise<void> {
  const indexes = {
    agent_executions_workspace_id: 'workspace_id, id',
    agent_executions_agent_id: 'workspace_id, agent_id, id',
    agent_executions_status: 'workspace_id, status, id',
    agent_executions_created_at: 'created_at',
  };
  for (const [name, columns] of Object.entries(indexes)) {
    await queryRunner.query(`CREATE INDEX ${name} ON agent_executions (${columns})`);
  }
}

/** Transitions: the same table as EXECUTION_TRANSITIONS in the application; a test compares the two. */
async function createTriggers(queryRunner: QueryRunner): Promise<void> {
  await queryRunner.query(`
      CREATE FUNCTION guard_execution_transition() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF (OLD.status, NEW.status) IN (
          ('queued', 'running'), ('queued', 'cancelled'), ('queued', 'failed'),
          ('running', 'completed'), ('running', 'failed'), ('running', 'cancelled')
        ) THEN
          RETURN NEW;
        END IF;
        RAISE EXCEPTION 'an execution cannot go from % to %', OLD.status, NEW.status
          USING ERRCODE = 'check_violation', CONSTRAINT = 'agent_executions_transition';
      END $$`);
  await queryRunner.query(`
      CREATE TRIGGER agent_executions_transition BEFORE UPDATE OF status ON agent_executions
        FOR EACH ROW EXECUTE FUNCTION guard_execution_transition()`);
  // Instead of foreign keys, which would block the drop of a partition and cost each insert a check.
  await queryRunner.query(`
      CREATE FUNCTION delete_execution_details() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        DELETE FROM execution_outputs WHERE execution_id = OLD.id;
        DELETE FROM execution_attempts WHERE execution_id = OLD.id;
        DELETE FROM attempt_outcomes WHERE execution_id = OLD.id;
        RETURN NULL;
      END $$`);
  await queryRunner.query(`
      CREATE TRIGGER agent_executions_details AFTER DELETE ON agent_executions
        FOR EACH ROW EXECUTE FUNCTION delete_execution_details()`);
  await queryRunner.query(`
      CREATE FUNCTION refuse_outcome_update() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        RAISE EXCEPTION 'attempt_outcomes is append-only: add a revision'
          USING ERRCODE = 'check_violation', CONSTRAINT = 'attempt_outcomes_append_only';
      END $$`);
  await queryRunner.query(`
      CREATE TRIGGER attempt_outcomes_append_only BEFORE UPDATE ON attempt_outcomes
        FOR EACH ROW EXECUTE FUNCTION refuse_outcome_update()`);
}

/**
 * Monthly partitions from last month on: a UUIDv7 starts with its 48-bit time in milliseconds (RFC 9562
 * §5.7), so the first id of a month bounds it.
 */
async function createPartitionMaker(queryRunner: QueryRunner): Promise<void> {
  await queryRunner.query(`
      CREATE FUNCTION first_execution_id(moment timestamp) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
        SELECT rpad(lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0'), 32, '0')::uuid
      $$`);
  const tables = PARTITIONED_TABLES.map((table) => `'${table}'`).join(', ');
  await queryRunner.query(`
      CREATE FUNCTION ensure_execution_partitions(months_ahead integer) RETURNS void
      LANGUAGE plpgsql AS $$
      DECLARE
        parent text;
        -- UTC, without a zone: its epoch does not depend on the session.
        month timestamp;
      BEGIN
        PERFORM pg_advisory_xact_lock(hashtext('ensure_execution_partitions'));
        FOR step IN -1 .. months_ahead LOOP
          month := date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => step);
          FOREACH parent IN ARRAY ARRAY[${tables}] LOOP
            EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
              parent || to_char(month, '_YYYY_MM'), parent,
              first_execution_id(month), first_execution_id(month + interval '1 month'));
          END LOOP;
        END LOOP;
      END $$`);
}
