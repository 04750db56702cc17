import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import type { DataSource } from 'typeorm';
import { createDataSource } from '../../ormconfig';
import { Secret } from '../../src/common';
import { serverLogin } from '../../src/database/server-login';

export interface TestDatabase {
  readonly url: Secret;
  /** As the owner of the tables, who sees every row: for what a test looks up or breaks. */
  readonly dataSource: DataSource;
  /** As the application works, bound by row-level security. */
  readonly runtime: DataSource;
  /** As the command line works, which sees every workspace. */
  readonly definer: DataSource;
  drop(): Promise<void>;
}

/** A migrated, empty database of its own on the run's real PostgreSQL. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const template = new URL(process.env.KEYRUN_TEST_DATABASE_URL ?? '');
  const name = `keyrun_${randomBytes(6).toString('hex')}`;
  const maintenance = new URL(template);
  maintenance.pathname = '/postgres';
  await query(maintenance, `CREATE DATABASE ${name} TEMPLATE keyrun STRATEGY file_copy`);
  const url = new URL(template);
  url.pathname = `/${name}`;
  const dataSource = await createDataSource(url.href).initialize();
  const login = serverLogin(new Secret(url.href)).url;
  const runtime = await createDataSource(login.expose(), 'keyrun_runtime').initialize();
  const definer = await createDataSource(url.href, 'keyrun_definer').initialize();
  return {
    url: new Secret(url.href),
    dataSource,
    runtime,
    definer,
    drop: async () => {
      for (const connection of [definer, runtime, dataSource]) {
        if (connection.isInitialized) await connection.destroy();
      }
      await query(maintenance, `DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

async function query(url: URL, text: string): Promise<void> {
  const client = new Client({ connectionString: url.href });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}
