import { Client } from 'pg';
import type { DataSource } from 'typeorm';
import type { Secret } from '../common';
import { installQueueSchema } from './queue-schema';

/** Any constant of our own: nodes that start together migrate one after the other. */
const MIGRATION_LOCK = 5_397_120_001;

/**
 * Brings the schema up to date. Safe when several nodes start at once.
 * @returns the names of the migrations that ran.
 */
export async function migrate(dataSource: DataSource, url: Secret): Promise<readonly string[]> {
  const lock = new Client({ connectionString: url.expose() });
  await lock.connect();
  try {
    await lock.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const migrations = await dataSource.runMigrations();
    await installQueueSchema(url);
    return migrations.map((migration) => migration.name);
  } finally {
    await lock.end();
  }
}
