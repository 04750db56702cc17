import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The application works as the first; functions that cross workspaces belong to the second. */
const ROLES = ['keyrun_runtime', 'keyrun_definer'];

/** Tables of a tenant, and the condition under which a row belongs to the workspace of the transaction. */
const TENANT_TABLES: Readonly<Record<string, string>> = {
  workspaces: 'id = current_workspace_id()',
  // Without a workspace only the server's own data key (workspace_id null) is there.
  workspace_data_keys: 'workspace_id IS NOT DISTINCT FROM current_workspace_id()',
  access_tokens: 'home_workspace_id = current_workspace_id()',
  access_token_grants: 'workspace_id = current_workspace_id()',
  api_keys: 'workspace_id = current_workspace_id()',
  agent_executions: 'workspace_id = current_workspace_id()',
  execution_outputs: 'workspace_id = current_workspace_id()',
  execution_attempts: 'workspace_id = current_workspace_id()',
  attempt_outcomes: 'workspace_id = current_workspace_id()',
};

const WRITABLE = [
  'workspaces',
  'workspace_data_keys',
  'access_tokens',
  'access_token_grants',
  'api_keys',
];
const READABLE = [
  'agent_executions',
  'execution_outputs',
  'execution_attempts',
  'attempt_outcomes',
];

/**
 * The second wall between tenants: row-level security, forced, for a role that can neither own nor bypass
 * it. Without a workspace in the transaction there are no rows.
 */
export class SeparateTenants1764000300000 implements MigrationInterface {
  readonly name = 'SeparateTenants1764000300000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await createRoles(queryRunner);
    await queryRunner.query(`
      CREATE FUNCTION current_workspace_id() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
        SELECT nullif(current_setting('app.workspace_id', true), '')::uuid
      $$`);
    for (const [table, condition] of Object.entries(TENANT_TABLES)) {
      await queryRunner.query(`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`);
      await queryRunner.query(`ALTER TABLE ${table} FORCE ROW LEVEL SECURITY`);
      await queryRunner.query(
        `CREATE POLICY ${table}_tenant ON ${table} USING (${condition}) WITH CHECK (${condition})`,
      );
      await queryRunner.query(
        `CREATE POLICY ${table}_definer ON ${table} TO keyrun_definer USING (true) WITH CHECK (true)`,
      );
      await queryRunner.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO keyrun_definer`);
    }
    // A token may have a grant on a workspace that is not its home; there it is seen but not changed.
    await queryRunner.query(`
      CREATE POLICY access_tokens_granted ON access_tokens FOR SELECT USING (
        id IN (SELECT token_id FROM access_token_grants WHERE workspace_id = current_workspace_id()))`);
    await grantToRuntime(queryRunner);
    await protectPartitions(queryRunner);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    // Other databases of the cluster may use the roles, so they stay; what they have here goes.
    await queryRunner.query(`DROP OWNED BY ${ROLES.join(', ')}`);
    await queryRunner.query(`DROP POLICY access_tokens_granted ON access_tokens`);
    for (const table of Object.keys(TENANT_TABLES)) {
      await queryRunner.query(`DROP POLICY ${table}_tenant ON ${table}`);
      await queryRunner.query(`ALTER TABLE ${table} NO FORCE ROW LEVEL SECURITY`);
      await queryRunner.query(`ALTER TABLE ${table} DISABLE ROW LEVEL SECURITY`);
    }
    await queryRunner.query(`DROP FUNCTION current_workspace_id()`);
    await queryRunner.query(`DROP FUNCTION ensure_execution_partitions(integer)`);
    await queryRunner.query(
      `ALTER FUNCTION create_execution_partitions(integer) RENAME TO ensure_execution_partitions`,
    );
  }
}

/** Roles belong to the whole cluster, so another database may have made them already. */
async function createRoles(queryRunner: QueryRunner): Promise<void> {
  for (const role of ROLES) {
    await queryRunner.query(`
      DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${role}') THEN
          CREATE ROLE ${role} NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
        END IF;
      EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
      END $$`);
    await queryRunner.query(`
      DO $$ BEGIN
        IF NOT pg_has_role(current_user, '${role}', 'MEMBER') THEN
          EXECUTE format('GRANT ${role} TO %I', current_user);
        END IF;
      END $$`);
    await queryRunner.query(`GRANT USAGE ON SCHEMA public TO ${role}`);
  }
}

/** The ledger is written by functions only; what is paid is never rewritten from the outside. */
async function grantToRuntime(queryRunner: QueryRunner): Promise<void> {
  await queryRunner.query(
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ${WRITABLE.join(', ')} TO keyrun_runtime`,
  );
  await queryRunner.query(`GRANT SELECT ON ${READABLE.join(', ')} TO keyrun_runtime`);
}

/**
 * Partitions do not inherit row-level security. They get it without a policy: reachable through their
 * parent only. The function runs as the owner of the tables, since the application may not create any.
 */
async function protectPartitions(queryRunner: QueryRunner): Promise<void> {
  await queryRunner.query(
    `ALTER FUNCTION ensure_execution_partitions(integer) RENAME TO create_execution_partitions`,
  );
  await queryRunner.query(`
      CREATE FUNCTION ensure_execution_partitions(months_ahead integer) RETURNS void
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
      DECLARE
        partition regclass;
      BEGIN
        PERFORM create_execution_partitions(months_ahead);
        FOR partition IN SELECT oid FROM pg_class
          WHERE relispartition AND relkind = 'r' AND relnamespace = 'public'::regnamespace
            AND NOT relrowsecurity LOOP
          EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', partition);
          EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', partition);
        END LOOP;
      END $$`);
  for (const name of ['create_execution_partitions', 'ensure_execution_partitions']) {
    await queryRunner.query(`REVOKE ALL ON FUNCTION ${name}(integer) FROM PUBLIC`);
  }
  await queryRunner.query(
    `GRANT EXECUTE ON FUNCTION ensure_execution_partitions(integer) TO keyrun_runtime`,
  );
  await queryRunner.query(`SELECT ensure_execution_partitions(3)`);
}
