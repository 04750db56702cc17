import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateWorkspaces1764000000000 implements MigrationInterface {
  readonly name = 'CreateWorkspaces1764000000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE workspaces (
        id uuid NOT NULL CONSTRAINT workspaces_pkey PRIMARY KEY,
        name text NOT NULL CONSTRAINT workspaces_name_length CHECK (char_length(name) BETWEEN 1 AND 100),
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now()
      )`);
    await queryRunner.query(`
      CREATE TABLE workspace_data_keys (
        id uuid NOT NULL CONSTRAINT workspace_data_keys_pkey PRIMARY KEY,
        workspace_id uuid,
        state text NOT NULL CONSTRAINT workspace_data_keys_state CHECK (state IN ('active', 'retired')),
        root_key_id text NOT NULL,
        wrapped text NOT NULL CONSTRAINT workspace_data_keys_wrapped CHECK (wrapped ~ '^w1:'),
        created_at timestamptz NOT NULL DEFAULT now()
      )`);
    await queryRunner.query(`
      CREATE UNIQUE INDEX workspace_data_keys_active ON workspace_data_keys (workspace_id)
        WHERE state = 'active' AND workspace_id IS NOT NULL`);
    await queryRunner.query(`
      CREATE UNIQUE INDEX workspace_data_keys_active_server ON workspace_data_keys (state)
        WHERE state = 'active' AND workspace_id IS NULL`);
    await queryRunner.query(`
      CREATE TABLE access_tokens (
        id uuid NOT NULL CONSTRAINT access_tokens_pkey PRIMARY KEY,
        home_workspace_id uuid NOT NULL CONSTRAINT access_tokens_home_workspace_id_fkey
          REFERENCES workspaces ON DELETE CASCADE,
        name text NOT NULL,
        digest bytea NOT NULL,
        last4 text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz,
        last_used_at timestamptz
      )`);
    await queryRunner.query(
      `CREATE UNIQUE INDEX access_tokens_digest_key ON access_tokens (digest)`,
    );
    await queryRunner.query(
      `CREATE INDEX access_tokens_home_workspace_id ON access_tokens (home_workspace_id)`,
    );
    await queryRunner.query(`
      CREATE TABLE access_token_grants (
        token_id uuid NOT NULL CONSTRAINT access_token_grants_token_id_fkey
          REFERENCES access_tokens ON DELETE CASCADE,
        workspace_id uuid NOT NULL CONSTRAINT access_token_grants_workspace_id_fkey
          REFERENCES workspaces ON DELETE CASCADE,
        role text NOT NULL CONSTRAINT access_token_grants_role
          CHECK (role IN ('viewer', 'developer', 'admin', 'owner')),
        CONSTRAINT access_token_grants_pkey PRIMARY KEY (token_id, workspace_id)
      )`);
    await queryRunner.query(
      `CREATE INDEX access_token_grants_workspace_id ON access_token_grants (workspace_id)`,
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const table of [
      'access_token_grants',
      'access_tokens',
      'workspace_data_keys',
      'workspaces',
    ]) {
      await queryRunner.query(`DROP TABLE ${table}`);
    }
  }
}
