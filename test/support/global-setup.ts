import { mkdtemp, chmod, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedPostgres, openDatabase } from '../../src/database';

/** One throw-away PostgreSQL for the whole run; its database `keyrun` is the migrated template. */
export default async function globalSetup(): Promise<void> {
  const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const directory = await mkdtemp(join(parent, 'keyrun-test-'));
  await chmod(directory, 0o711);
  const postgres = await EmbeddedPostgres.start({ dataDirectory: directory, durable: false });
  const template = await openDatabase(postgres.url);
  await template.destroy();
  process.env.KEYRUN_TEST_DATABASE_URL = postgres.url.expose();
  globalThis.stopTestPostgres = async () => {
    await postgres.stop();
    await rm(directory, { recursive: true, force: true });
  };
}

declare global {
  var stopTestPostgres: (() => Promise<void>) | undefined;
}
