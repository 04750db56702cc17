import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The audit trail: a hash chain per workspace, and one of the server itself (workspace_id null). */
export class CreateAuditEvents1764000600000 implements MigrationInterface {
  readonly name = 'CreateAuditEvents1764000600000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await createTables(queryRunner);
    await separateTenants(queryRunner);
    await queryRunner.query(`
      INSERT INTO audit_heads (chain_id, workspace_id, sequence, hash)
      SELECT id, id, 0, ${ORIGIN} FROM workspaces
      UNION ALL SELECT ${SERVER_CHAIN}, NULL, 0, ${ORIGIN}`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE audit_heads`);
    await queryRunner.query(`DROP TABLE audit_events`);
  }
}

/** Head row of the server's own chain. */
const SERVER_CHAIN = `'00000000-0000-0000-0000-000000000000'::uuid`;
/** What the first event of a chain follows. */
const ORIGIN = `decode(repeat('00', 32), 'hex')`;

async function createTables(queryRunner: QueryRunner): Promise<void> {
  await queryRunner.query(`
      CREATE TABLE audit_events (
        id uuid NOT NULL CONSTRAINT audit_events_pkey PRIMARY KEY,
        workspace_id uuid CONSTRAINT audit_events_workspace_id_fkey
          REFERENCES workspaces ON DELETE CASCADE,
        sequence bigint NOT NULL CONSTRAINT audit_events_sequence CHECK (sequence >= 1),
        occurred_at timestamptz NOT NULL,
        actor text NOT NULL CONSTRAINT audit_events_actor
          CHECK (actor = 'server' OR actor ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'),
        action text NOT NULL CONSTRAINT audit_events_action CHECK (action ~ '^[a-z-]+\\.[a-z-]+$'),
        subject_type text NOT NULL,
        subject_id uuid,
        purpose text CONSTRAINT audit_events_purpose CHECK (char_length(purpose) <= 100),
        request_id text CONSTRAINT audit_events_request_id CHECK (char_length(request_id) <= 200),
        details jsonb NOT NULL CONSTRAINT audit_events_details CHECK (jsonb_typeof(details) = 'object'
          AND NOT jsonb_path_exists(details, 'strict $.* ? (@.type() == "object" || @.type() == "array")')
          AND octet_length(details::text) <= 4096),
        previous_hash bytea NOT NULL,
        hash bytea NOT NULL
      )`);
  await queryRunner.query(`
      CREATE UNIQUE INDEX audit_events_chain ON audit_events (workspace_id, sequence)
        WHERE workspace_id IS NOT NULL`);
  await queryRunner.query(`
      CREATE UNIQUE INDEX audit_events_server_chain ON audit_events (sequence)
        WHERE workspace_id IS NULL`);
  await queryRunner.query(
    `CREATE INDEX audit_events_by_action ON audit_events (workspace_id, action, sequence)`,
  );
  await queryRunner.query(
    `CREATE INDEX audit_events_by_subject ON audit_events (workspace_id, subject_id, sequence)`,
  );
  await queryRunner.query(`
      CREATE TABLE audit_heads (
        chain_id uuid NOT NULL CONSTRAINT audit_heads_pkey PRIMARY KEY,
        workspace_id uuid CONSTRAINT audit_heads_workspace_id_fkey
          REFERENCES workspaces ON DELETE CASCADE,
        sequence bigint NOT NULL,
        hash bytea NOT NULL,
        CONSTRAINT audit_heads_chain CHECK (chain_id = coalesce(workspace_id, ${SERVER_CHAIN}))
      )`);
  await queryRunner.query(`CREATE INDEX audit_heads_workspace_id ON audit_heads (workspace_id)`);
}

/** The policies hold for deletion too: that is how a workspace takes its events with it. */
async function separateTenants(queryRunner: QueryRunner): Promise<void> {
  for (const table of ['audit_events', 'audit_heads']) {
    await queryRunner.query(`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`);
    await queryRunner.query(`ALTER TABLE ${table} FORCE ROW LEVEL SECURITY`);
    await queryRunner.query(`
      CREATE POLICY ${table}_tenant ON ${table}
        USING (workspace_id = current_workspace_id())
        WITH CHECK (workspace_id = current_workspace_id())`);
    await queryRunner.query(
      `CREATE POLICY ${table}_definer ON ${table} TO keyrun_definer USING (true) WITH CHECK (true)`,
    );
    await queryRunner.query(`GRANT SELECT ON ${table} TO keyrun_runtime`);
    await queryRunner.query(`GRANT SELECT, INSERT ON ${table} TO keyrun_definer`);
  }
  await queryRunner.query(`GRANT UPDATE ON audit_heads TO keyrun_definer`);
}
