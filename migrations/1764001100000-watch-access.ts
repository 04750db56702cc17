import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What a server asks again and again while it works: may they still read, and is the workspace still there? */
export class WatchAccess1764001100000 implements MigrationInterface {
  readonly name = 'WatchAccess1764001100000';

  async up(queryRunner: QueryRunner): Promise<void> {
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
  }
}

const DEFINER = 'SECURITY DEFINER SET search_path = public, pg_temp';

const FUNCTIONS: Readonly<Record<string, string>> = {
  // As `authenticate_access_token` and `authenticate_session`, for many at once. Notes no use: that an answer goes on
  // keeps no session alive. No row: does not work any more; without a role: not in this workspace.
  'look_up_access(json)': `
    look_up_access(credentials json) RETURNS TABLE (place integer, role text, scopes text[], agent_id text)
      LANGUAGE sql STABLE ${DEFINER} AS $$
      WITH credential AS (
        SELECT place, decode(digest, 'hex') AS digest, is_session, workspace_id
          FROM json_to_recordset(credentials)
            AS credential (place integer, digest text, is_session boolean, workspace_id uuid)),
      holder AS (
        SELECT credential.place, credential.workspace_id, token.id AS token_id
          FROM credential JOIN access_tokens token ON token.digest = credential.digest
         WHERE NOT is_session
        UNION ALL
        SELECT credential.place, credential.workspace_id, token.id
          FROM credential JOIN access_tokens token ON token.previous_digest = credential.digest
         WHERE NOT is_session AND token.previous_expires_at > now()
        UNION ALL
        SELECT credential.place, credential.workspace_id, session.token_id
          FROM credential JOIN sessions session ON session.digest = credential.digest
         WHERE is_session AND session.expires_at > now() AND session.last_used_at > now() - interval '1 hour')
      SELECT holder.place, access.role, token.scopes, token.agent_id
        FROM holder JOIN access_tokens token ON token.id = holder.token_id
        LEFT JOIN access_token_grants access
          ON access.token_id = token.id AND access.workspace_id = holder.workspace_id
       WHERE token.expires_at IS NULL OR token.expires_at > now()
    $$`,

  // Of these, those that are deleted.
  'list_missing_workspaces(uuid[])': `
    list_missing_workspaces(workspace_ids uuid[]) RETURNS SETOF uuid LANGUAGE sql STABLE ${DEFINER} AS $$
      SELECT wanted.id FROM unnest(workspace_ids) AS wanted (id)
       WHERE NOT EXISTS (SELECT FROM workspaces workspace WHERE workspace.id = wanted.id)
    $$`,
};
