import { Client } from 'pg';

/** What PostgreSQL itself tells of the statements that run and ran. */
const VIEWS = [
  'pg_stat_activity',
  'pg_stat_statements',
  'pg_prepared_statements',
  'pg_cursors',
  'pg_stat_database_conflicts',
  'pg_settings',
  'pg_file_settings',
  'pg_roles',
];

/** Every row of every table that is not PostgreSQL's own, and of the views that show statements, as text. */
export async function dumpOf(url: string): Promise<string> {
  const database = new Client({ connectionString: url });
  await database.connect();
  try {
    await database.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
    const tables = await database.query<{ name: string }>(`
      SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
        WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`);
    const dump: string[] = [];
    for (const name of [...tables.rows.map((row) => row.name), ...VIEWS]) {
      const { rows } = await database.query<{ row: string }>(
        `SELECT entry::text AS row FROM ${name} AS entry`,
      );
      dump.push(name, ...rows.map(({ row }) => row));
    }
    return dump.join('\n');
  } finally {
    await database.end();
  }
}
