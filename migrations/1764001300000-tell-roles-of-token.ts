import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which role a token has where, for the list of its workspaces; belongs to `keyrun_definer`. */
export class TellRolesOfToken1764001300000 implements MigrationInterface {
  readonly name = 'TellRolesOfToken1764001300000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`GRANT CREATE ON SCHEMA public TO keyrun_definer`);
    await queryRunner.query(`
      CREATE FUNCTION list_roles_of_token(access_token_id uuid)
        RETURNS TABLE (workspace_id uuid, role text)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        SELECT access.workspace_id, access.role FROM access_token_grants access
         WHERE access.token_id = access_token_id
      $$`);
    await queryRunner.query(`ALTER FUNCTION list_roles_of_token(uuid) OWNER TO keyrun_definer`);
    await queryRunner.query(`REVOKE ALL ON FUNCTION list_roles_of_token(uuid) FROM PUBLIC`);
    await queryRunner.query(
      `GRANT EXECUTE ON FUNCTION list_roles_of_token(uuid) TO keyrun_runtime`,
    );
    await queryRunner.query(`REVOKE CREATE ON SCHEMA public FROM keyrun_definer`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP FUNCTION list_roles_of_token(uuid)`);
  }
}
