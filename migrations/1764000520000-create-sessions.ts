import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Sessions of the web UI: a row, so that ending one holds at once, on every node. */
export class CreateSessions1764000520000 implements MigrationInterface {
  readonly name = 'CreateSessions1764000520000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE sessions (
        id uuid NOT NULL CONSTRAINT sessions_pkey PRIMARY KEY,
        workspace_id uuid NOT NULL CONSTRAINT sessions_workspace_id_fkey
          REFERENCES workspaces ON DELETE CASCADE,
        token_id uuid NOT NULL CONSTRAINT sessions_token_id_fkey
          REFERENCES access_tokens ON DELETE CASCADE,
        digest bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        last_used_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL,
        authority_ends_at timestamptz
      )`);
    await queryRunner.query(`CREATE UNIQUE INDEX sessions_digest_key ON sessions (digest)`);
    await queryRunner.query(`CREATE INDEX sessions_token_id ON sessions (token_id)`);
    await queryRunner.query(`CREATE INDEX sessions_workspace_id ON sessions (workspace_id)`);
    await queryRunner.query(`ALTER TABLE sessions ENABLE ROW LEVEL SECURITY`);
    await queryRunner.query(`ALTER TABLE sessions FORCE ROW LEVEL SECURITY`);
    await queryRunner.query(`
      CREATE POLICY sessions_tenant ON sessions
        USING (workspace_id = current_workspace_id())
        WITH CHECK (workspace_id = current_workspace_id())`);
    await queryRunner.query(`
      CREATE POLICY sessions_definer ON sessions TO keyrun_definer USING (true) WITH CHECK (true)`);
    await queryRunner.query(
      `GRANT SELECT, INSERT, UPDATE, DELETE ON sessions TO keyrun_definer, keyrun_runtime`,
    );
    await queryRunner.query(`GRANT CREATE ON SCHEMA public TO keyrun_definer`);
    for (const [signature, definition] of Object.entries(FUNCTIONS)) {
      await queryRunner.query(`CREATE FUNCTION ${definition}`);
      await queryRunner.query(`ALTER FUNCTION ${signature} OWNER TO keyrun_definer`);
      await queryRunner.query(`REVOKE ALL ON FUNCTION ${signature} FROM PUBLIC`);
      await queryRunner.query(`GRANT EXECUTE ON FUNCTION ${signature} TO keyrun_runtime`);
    }
    await queryRunner.query(`REVOKE CREATE ON SCHEMA public FROM keyrun_definer`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const signature of Object.keys(FUNCTIONS).reverse()) {
      await queryRunner.query(`DROP FUNCTION ${signature}`);
    }
    await queryRunner.query(`DROP TABLE sessions`);
  }
}

const DEFINER = 'SECURITY DEFINER SET search_path = public, pg_temp';

const FUNCTIONS: Readonly<Record<string, string>> = {
  // A session is idle after an hour. What is made through it may last as long as the secret it began with.
  'authenticate_session(bytea, uuid)': `
    authenticate_session(session_digest bytea, target_workspace_id uuid)
      RETURNS TABLE (session_id uuid, session_expires_at timestamptz, id uuid, home_workspace_id uuid, role text, scopes text[],
        agent_id text, expires_at timestamptz) LANGUAGE plpgsql ${DEFINER} AS $$
    DECLARE
      current sessions;
      match access_tokens;
    BEGIN
      SELECT * INTO current FROM sessions session
        WHERE session.digest = session_digest AND session.expires_at > now()
          AND session.last_used_at > now() - interval '1 hour';
      IF NOT FOUND THEN RETURN; END IF;
      SELECT * INTO match FROM access_tokens token
        WHERE token.id = current.token_id AND (token.expires_at IS NULL OR token.expires_at > now());
      IF NOT FOUND THEN RETURN; END IF;
      IF current.last_used_at < now() - interval '1 minute' THEN
        UPDATE sessions session SET last_used_at = now() WHERE session.id = current.id;
      END IF;
      PERFORM note_token_use(match.id, match.last_used_at);
      RETURN QUERY SELECT current.id, current.expires_at, match.id, match.home_workspace_id,
        (SELECT access.role FROM access_token_grants access
          WHERE access.token_id = match.id
            AND access.workspace_id = coalesce(target_workspace_id, match.home_workspace_id)),
        match.scopes, match.agent_id, least(match.expires_at, current.authority_ends_at);
    END $$`,

  'forget_sessions()': `
    forget_sessions() RETURNS void LANGUAGE sql ${DEFINER} AS $$
      DELETE FROM sessions WHERE expires_at < now() OR last_used_at < now() - interval '1 hour'
    $$`,
};
