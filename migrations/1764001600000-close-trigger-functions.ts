import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A trigger function works with the rights of `keyrun_definer` on the row that fires it. Whoever may execute it may
 * hang it on a temporary table of their own and fill that with the ids of other workspaces. Firing it where it
 * belongs needs no right.
 */
export class CloseTriggerFunctions1764001600000 implements MigrationInterface {
  readonly name = 'CloseTriggerFunctions1764001600000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const [name, holder] of Object.entries(HOLDERS)) {
      await queryRunner.query(`REVOKE ALL ON FUNCTION ${name}() FROM ${holder}`);
    }
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const [name, holder] of Object.entries(HOLDERS)) {
      await queryRunner.query(`GRANT EXECUTE ON FUNCTION ${name}() TO ${holder}`);
    }
  }
}

/** Who may execute them so far, beside their owner. */
const HOLDERS = {
  delete_execution_details: 'PUBLIC',
  close_unsent_attempts: 'keyrun_runtime',
};
