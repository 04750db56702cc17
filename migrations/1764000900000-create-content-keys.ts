import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The key that seals the prompts and answers of a workspace, itself sealed under the data key of the workspace. */
export class CreateContentKeys1764000900000 implements MigrationInterface {
  readonly name = 'CreateContentKeys1764000900000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE content_keys (
        id uuid NOT NULL CONSTRAINT content_keys_pkey PRIMARY KEY,
        workspace_id uuid NOT NULL CONSTRAINT content_keys_workspace_id_fkey
          REFERENCES workspaces ON DELETE CASCADE,
        encrypted_key text NOT NULL CONSTRAINT content_keys_encrypted_key
          CHECK (encrypted_key ~ '^s1:[0-9a-f-]{36}:[A-Za-z0-9_-]{80}$'),
        created_at timestamptz NOT NULL DEFAULT now()
      )`);
    // One a workspace: nodes that make the first one at once agree on one.
    await queryRunner.query(
      `CREATE UNIQUE INDEX content_keys_workspace_id ON content_keys (workspace_id)`,
    );
    await queryRunner.query(`ALTER TABLE content_keys ENABLE ROW LEVEL SECURITY`);
    await queryRunner.query(`ALTER TABLE content_keys FORCE ROW LEVEL SECURITY`);
    await queryRunner.query(`
      CREATE POLICY content_keys_tenant ON content_keys
        USING (workspace_id = current_workspace_id())
        WITH CHECK (workspace_id = current_workspace_id())`);
    await queryRunner.query(`
      CREATE POLICY content_keys_definer ON content_keys TO keyrun_definer
        USING (true) WITH CHECK (true)`);
    // A content key goes with its workspace and in no other way.
    await queryRunner.query(
      `GRANT SELECT, INSERT, UPDATE ON content_keys TO keyrun_runtime, keyrun_definer`,
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE content_keys`);
  }
}
