// npm run migration:run | migration:revert | migration:show | migration:generate -- <name>
// The TypeORM command line on DATABASE_URL; without it, on the embedded database: that of the running
// server if there is one, else one that is started for this command.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { build, isStale, root } from './build.mjs';

const COMMANDS = ['run', 'revert', 'show', 'generate'];
const [command, name] = process.argv.slice(2);

if (!COMMANDS.includes(command) || (command === 'generate') !== (name !== undefined)) {
  console.error('keyrun: usage: npm run migration:run|revert|show, migration:generate -- <name>');
  process.exit(64);
}
if (name !== undefined && !/^[a-z][a-z0-9-]*$/.test(basename(name))) {
  console.error('keyrun: a migration is named in lower case with hyphens, e.g. add-key-labels');
  process.exit(64);
}
if (isStale()) build();

const require = createRequire(join(root, 'dist', 'ormconfig.js'));
const { StartupError } = require('./src/common');
const { Environment } = require('./src/config');
const { EmbeddedPostgres } = require('./src/database');
const { createDataSource } = require('./ormconfig');

let embedded;
try {
  const url = await databaseUrl(Environment.parse(process.env));
  process.exitCode = command === 'generate' ? await generate(url) : typeorm(command, url);
} catch (error) {
  console.error(`keyrun: ${error instanceof StartupError ? error.message : describe(error)}`);
  process.exitCode = error instanceof StartupError ? error.exitCode : 1;
} finally {
  await embedded?.stop();
}

async function databaseUrl(environment) {
  if (environment.databaseUrl !== null) return environment.databaseUrl.expose();
  const { dataDirectory } = environment;
  const running = await urlOfRunningServer(join(dataDirectory, 'database-url'));
  if (running !== null) return running;
  await require('./src/startup/data-directory').prepareDataDirectory(dataDirectory);
  embedded = await EmbeddedPostgres.start({ dataDirectory });
  return embedded.url.expose();
}

/** Null: none is running; the file is also there after a stop, with a port that nobody listens on. */
async function urlOfRunningServer(file) {
  if (!existsSync(file)) return null;
  const url = readFileSync(file, 'utf8').trim();
  const { Client } = require('pg');
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.end();
    return url;
  } catch {
    return null;
  }
}

function typeorm(verb, url, words = []) {
  const cli = join(root, 'node_modules', 'typeorm', 'cli.js');
  const dataSource = join('dist', 'ormconfig.js');
  const { status } = spawnSync(
    process.execPath,
    [cli, `migration:${verb}`, ...words, '-d', dataSource],
    { cwd: root, stdio: 'inherit', env: { ...process.env, DATABASE_URL: url } },
  );
  return status ?? 1;
}

async function generate(url) {
  const dataSource = await createDataSource(url).initialize();
  try {
    if (await dataSource.showMigrations()) {
      console.error('keyrun: the database lacks migrations. First: npm run migration:run');
      return 1;
    }
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    if (upQueries.length === 0) {
      console.log('keyrun: entities and database agree; there is nothing to generate.');
      return 0;
    }
  } finally {
    await dataSource.destroy();
  }
  const target = name.includes('/') ? resolve(name) : join(root, 'migrations', name);
  const status = typeorm('generate', url, [target, '--pretty']);
  if (status === 0) finish(target);
  return status;
}

/** Gives the new file the form of its siblings. */
function finish(target) {
  const folder = dirname(target);
  const file = readdirSync(folder)
    .filter((entry) => entry.endsWith(`-${basename(target)}.ts`))
    .sort()
    .at(-1);
  const path = join(folder, file);
  const text = readFileSync(path, 'utf8')
    .replace(/^import \{ MigrationInterface/, 'import type { MigrationInterface')
    .replace(/^(\s+)name = /m, '$1readonly name = ')
    .replace(/\bpublic async /g, 'async ');
  writeFileSync(path, text);
  spawnSync(
    process.execPath,
    [join(root, 'node_modules', 'prettier', 'bin', 'prettier.cjs'), '--write', path],
    { cwd: root, stdio: 'ignore' },
  );
  const [, className] = /export class (\w+)/.exec(text) ?? [];
  console.log(
    `keyrun: read ${relative(root, path)}, correct it, then add ${className} to \`migrations\` in ormconfig.ts.`,
  );
}

/** Of a failure of the driver or of TypeORM; a connection string is in neither. */
function describe(error) {
  return error instanceof Error ? error.message : 'unexpected failure';
}
