import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the server tells about the keys of all workspaces together; belongs to `keyrun_definer`. */
export class MaintainKeys1764000700000 implements MigrationInterface {
  readonly name = 'MaintainKeys1764000700000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`GRANT CREATE ON SCHEMA public TO keyrun_definer`);
    await queryRunner.query(`
      CREATE FUNCTION count_unreadable_api_keys() RETURNS integer
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        SELECT count(*)::integer FROM api_keys WHERE health = 'unreadable'
      $$`);
    await queryRunner.query(`ALTER FUNCTION count_unreadable_api_keys() OWNER TO keyrun_definer`);
    await queryRunner.query(`REVOKE ALL ON FUNCTION count_unreadable_api_keys() FROM PUBLIC`);
    await queryRunner.query(
      `GRANT EXECUTE ON FUNCTION count_unreadable_api_keys() TO keyrun_runtime`,
    );
    await queryRunner.query(`REVOKE CREATE ON SCHEMA public FROM keyrun_definer`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP FUNCTION count_unreadable_api_keys()`);
  }
}
