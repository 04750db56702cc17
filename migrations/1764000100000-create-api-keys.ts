import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateApiKeys1764000100000 implements MigrationInterface {
  readonly name = 'CreateApiKeys1764000100000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE api_keys (
        id uuid NOT NULL CONSTRAINT api_keys_pkey PRIMARY KEY,
        workspace_id uuid NOT NULL CONSTRAINT api_keys_workspace_id_fkey
          REFERENCES workspaces ON DELETE CASCADE,
        provider text NOT NULL,
        label text NOT NULL,
        base_url text,
        encrypted_key text NOT NULL CONSTRAINT api_keys_encrypted_key
          CHECK (encrypted_key ~ '^s1:[0-9a-f-]{36}:[A-Za-z0-9_-]{38,}$'),
        secret_version integer NOT NULL DEFAULT 1,
        last4 text NOT NULL CONSTRAINT api_keys_last4 CHECK (char_length(last4) <= 4),
        enabled boolean NOT NULL DEFAULT true,
        health text NOT NULL DEFAULT 'untested' CONSTRAINT api_keys_health
          CHECK (health IN ('untested', 'active', 'invalid', 'rate_limited', 'unreadable')),
        priority integer NOT NULL DEFAULT 0,
        last_tested_at timestamptz,
        last_used_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now()
      )`);
    await queryRunner.query(
      `CREATE INDEX api_keys_workspace_id ON api_keys (workspace_id, provider, priority)`,
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE api_keys`);
  }
}
