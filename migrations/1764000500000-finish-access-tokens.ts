import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Scopes, agent, rotation with overlap; and no workspace without an owner when a token goes. */
export class FinishAccessTokens1764000500000 implements MigrationInterface {
  readonly name = 'FinishAccessTokens1764000500000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE access_tokens
        ADD scopes text[],
        ADD agent_id text,
        ADD previous_digest bytea,
        ADD previous_expires_at timestamptz,
        ADD CONSTRAINT access_tokens_scopes CHECK (cardinality(scopes) > 0),
        ADD CONSTRAINT access_tokens_previous
          CHECK ((previous_digest IS NULL) = (previous_expires_at IS NULL))`);
    await queryRunner.query(
      `CREATE UNIQUE INDEX access_tokens_previous_digest_key ON access_tokens (previous_digest)`,
    );
    await queryRunner.query(`DROP FUNCTION authenticate_access_token(bytea, uuid)`);
    await create(queryRunner, FUNCTIONS);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const signature of Object.keys(FUNCTIONS).reverse()) {
      await queryRunner.query(`DROP FUNCTION ${signature}`);
    }
    await queryRunner.query(`
      ALTER TABLE access_tokens
        DROP scopes, DROP agent_id, DROP previous_digest, DROP previous_expires_at`);
    await create(queryRunner, PREVIOUS_FUNCTIONS);
  }
}

async function create(
  queryRunner: QueryRunner,
  functions: Readonly<Record<string, string>>,
): Promise<void> {
  await queryRunner.query(`GRANT CREATE ON SCHEMA public TO keyrun_definer`);
  for (const [signature, definition] of Object.entries(functions)) {
    await queryRunner.query(`CREATE FUNCTION ${definition}`);
    await queryRunner.query(`ALTER FUNCTION ${signature} OWNER TO keyrun_definer`);
    await queryRunner.query(`REVOKE ALL ON FUNCTION ${signature} FROM PUBLIC`);
    await queryRunner.query(`GRANT EXECUTE ON FUNCTION ${signature} TO keyrun_runtime`);
  }
  await queryRunner.query(`REVOKE CREATE ON SCHEMA public FROM keyrun_definer`);
}

const DEFINER = 'SECURITY DEFINER SET search_path = public, pg_temp';

const FUNCTIONS: Readonly<Record<string, string>> = {
  // At most one write a minute and token.
  'note_token_use(uuid, timestamptz)': `
    note_token_use(access_token_id uuid, last_use timestamptz) RETURNS void
      LANGUAGE plpgsql ${DEFINER} AS $$
    BEGIN
      IF coalesce(last_use < now() - interval '1 minute', true) THEN
        UPDATE access_tokens token SET last_used_at = now()
          WHERE token.id = access_token_id
            AND coalesce(token.last_used_at < now() - interval '1 minute', true);
      END IF;
    END $$`,

  // The secret before a rotation ends with the overlap; so does what is made with it.
  'authenticate_access_token(bytea, uuid)': `
    authenticate_access_token(token_digest bytea, target_workspace_id uuid)
      RETURNS TABLE (id uuid, home_workspace_id uuid, role text, scopes text[], agent_id text,
        expires_at timestamptz) LANGUAGE plpgsql ${DEFINER} AS $$
    DECLARE
      match access_tokens;
      ends_at timestamptz;
    BEGIN
      SELECT * INTO match FROM access_tokens token
        WHERE token.digest = token_digest AND (token.expires_at IS NULL OR token.expires_at > now());
      ends_at := match.expires_at;
      IF NOT FOUND THEN
        SELECT * INTO match FROM access_tokens token
          WHERE token.previous_digest = token_digest AND token.previous_expires_at > now()
            AND (token.expires_at IS NULL OR token.expires_at > now());
        IF NOT FOUND THEN RETURN; END IF;
        ends_at := least(match.expires_at, match.previous_expires_at);
      END IF;
      PERFORM note_token_use(match.id, match.last_used_at);
      RETURN QUERY SELECT match.id, match.home_workspace_id,
        (SELECT access.role FROM access_token_grants access
          WHERE access.token_id = match.id
            AND access.workspace_id = coalesce(target_workspace_id, match.home_workspace_id)),
        match.scopes, match.agent_id, ends_at;
    END $$`,

  'token_reaches_beyond(uuid, uuid)': `
    token_reaches_beyond(access_token_id uuid, other_token_id uuid) RETURNS boolean
      LANGUAGE sql STABLE ${DEFINER} AS $$
      SELECT EXISTS (
        SELECT FROM access_token_grants access
          LEFT JOIN access_token_grants other
            ON other.token_id = other_token_id AND other.workspace_id = access.workspace_id
         WHERE access.token_id = access_token_id
           AND coalesce(array_position(ARRAY['viewer', 'developer', 'admin', 'owner'], other.role)
             < array_position(ARRAY['viewer', 'developer', 'admin', 'owner'], access.role), true))
    $$`,

  // Workspaces that no other token that works owns.
  'workspaces_owned_alone(uuid)': `
    workspaces_owned_alone(access_token_id uuid) RETURNS SETOF uuid
      LANGUAGE sql STABLE ${DEFINER} AS $$
      SELECT access.workspace_id FROM access_token_grants access
       WHERE access.token_id = access_token_id AND access.role = 'owner' AND NOT EXISTS (
         SELECT FROM access_token_grants other JOIN access_tokens token ON token.id = other.token_id
          WHERE other.workspace_id = access.workspace_id AND other.role = 'owner'
            AND token.id <> access_token_id AND (token.expires_at IS NULL OR token.expires_at > now()))
    $$`,

  // In the transaction of the home workspace only, and only to a token that is at home in this matter.
  'pass_on_workspaces(uuid, uuid)': `
    pass_on_workspaces(access_token_id uuid, heir_id uuid) RETURNS void
      LANGUAGE plpgsql ${DEFINER} AS $$
    BEGIN
      IF NOT EXISTS (SELECT FROM access_tokens token JOIN access_token_grants access
            ON access.workspace_id = token.home_workspace_id AND access.token_id = heir_id
          WHERE token.id = access_token_id AND token.home_workspace_id = current_workspace_id()) THEN
        RAISE EXCEPTION 'not the home workspace of the token';
      END IF;
      PERFORM FROM workspaces WHERE id IN (SELECT workspaces_owned_alone(access_token_id))
        ORDER BY id FOR UPDATE;
      INSERT INTO access_token_grants (token_id, workspace_id, role)
        SELECT heir_id, owned, 'owner' FROM workspaces_owned_alone(access_token_id) owned
         WHERE owned <> current_workspace_id()
        ON CONFLICT (token_id, workspace_id) DO UPDATE SET role = 'owner';
    END $$`,

  'leaves_ownerless_elsewhere(uuid)': `
    leaves_ownerless_elsewhere(deleted_workspace_id uuid) RETURNS boolean
      LANGUAGE sql STABLE ${DEFINER} AS $$
      SELECT EXISTS (
        SELECT FROM access_tokens token JOIN access_token_grants access ON access.token_id = token.id
         WHERE token.home_workspace_id = deleted_workspace_id AND access.role = 'owner'
           AND access.workspace_id <> deleted_workspace_id AND NOT EXISTS (
             SELECT FROM access_token_grants other JOIN access_tokens heir ON heir.id = other.token_id
              WHERE other.workspace_id = access.workspace_id AND other.role = 'owner'
                AND heir.home_workspace_id <> deleted_workspace_id
                AND (heir.expires_at IS NULL OR heir.expires_at > now())))
    $$`,

  // A secret that was rotated away loses its overlap; the token itself stays, since its new secret is safe.
  'revoke_leaked_token(bytea)': `
    revoke_leaked_token(token_digest bytea)
      RETURNS TABLE (id uuid, home_workspace_id uuid, is_revoked boolean)
      LANGUAGE plpgsql ${DEFINER} AS $$
    DECLARE
      match access_tokens;
    BEGIN
      UPDATE access_tokens token SET previous_digest = NULL, previous_expires_at = NULL
        WHERE token.previous_digest = token_digest RETURNING * INTO match;
      IF FOUND THEN RETURN QUERY SELECT match.id, match.home_workspace_id, true; RETURN; END IF;
      SELECT * INTO match FROM access_tokens token WHERE token.digest = token_digest FOR UPDATE;
      IF NOT FOUND THEN RETURN; END IF;
      PERFORM FROM workspaces workspace WHERE workspace.id IN (
        SELECT access.workspace_id FROM access_token_grants access
          WHERE access.token_id = match.id AND access.role = 'owner') ORDER BY workspace.id FOR UPDATE;
      IF EXISTS (SELECT workspaces_owned_alone(match.id)) THEN
        RETURN QUERY SELECT match.id, match.home_workspace_id, false;
        RETURN;
      END IF;
      DELETE FROM access_tokens token WHERE token.id = match.id;
      RETURN QUERY SELECT match.id, match.home_workspace_id, true;
    END $$`,
};

const PREVIOUS_FUNCTIONS: Readonly<Record<string, string>> = {
  'authenticate_access_token(bytea, uuid)': `
    authenticate_access_token(token_digest bytea, target_workspace_id uuid)
      RETURNS TABLE (id uuid, home_workspace_id uuid, role text) LANGUAGE plpgsql ${DEFINER} AS $$
    DECLARE
      match access_tokens;
    BEGIN
      SELECT * INTO match FROM access_tokens token
        WHERE token.digest = token_digest AND (token.expires_at IS NULL OR token.expires_at > now());
      IF NOT FOUND THEN RETURN; END IF;
      IF coalesce(match.last_used_at < now() - interval '1 minute', true) THEN
        UPDATE access_tokens token SET last_used_at = now()
          WHERE token.id = match.id AND coalesce(token.last_used_at < now() - interval '1 minute', true);
      END IF;
      RETURN QUERY SELECT match.id, match.home_workspace_id,
        (SELECT access.role FROM access_token_grants access
          WHERE access.token_id = match.id
            AND access.workspace_id = coalesce(target_workspace_id, match.home_workspace_id));
    END $$`,
};
