import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedPostgres, openDatabase } from '../../src/database';
import { makeScratchDirectory } from './scratch-directory';

/** What Jest says of a run, as far as it matters here. */
interface RunConfiguration {
  readonly testPathPatterns: { readonly patterns: readonly string[] };
}

/** One throw-away PostgreSQL for the whole run; its database `keyrun` is the migrated template. */
export default async function globalSetup(configuration: RunConfiguration): Promise<void> {
  if (startsServers(configuration)) buildServer();
  const directory = await makeScratchDirectory();
  const postgres = await EmbeddedPostgres.start({ dataDirectory: directory, durable: false });
  const template = await openDatabase(postgres.url);
  await template.destroy();
  process.env.KEYRUN_TEST_DATABASE_URL = postgres.url.expose();
  globalThis.stopTestPostgres = async () => {
    await postgres.stop();
    await rm(directory, { recursive: true, force: true });
  };
}

/** Whether the run has tests of real processes, which start what is built. */
function startsServers({ testPathPatterns: { patterns } }: RunConfiguration): boolean {
  const specs = readdirSync(join(__dirname, '..', 'process')).map((name) => `test/process/${name}`);
  return (
    patterns.length === 0 ||
    patterns.some((pattern) => specs.some((spec) => new RegExp(pattern).test(spec)))
  );
}

function buildServer(): void {
  const script = join(__dirname, '..', '..', 'scripts', 'build.mjs');
  const { status } = spawnSync(process.execPath, [script, '--if-stale'], { stdio: 'inherit' });
  if (status !== 0) throw new Error('the build failed');
}

declare global {
  var stopTestPostgres: (() => Promise<void>) | undefined;
}
