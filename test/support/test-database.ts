import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import type { DataSource } from 'typeorm';
import { createDataSource } from '../../ormconfig';
import { Secret } from '../../src/common';

export interface TestDatabase {
  readonly url: Secret;
  readonly dataSource: DataSource;
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
  return {
    url: new Secret(url.href),
    dataSource,
    drop: async () => {
      if (dataSource.isInitialized) await dataSource.destroy();
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
