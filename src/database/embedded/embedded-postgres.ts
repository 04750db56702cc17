import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { EXIT_CODE, Secret, StartupError } from '../../common';
import { freePort } from './free-port';
import { locatePostgresBinaries, type PostgresBinaries } from './postgres-binaries';
import { writePrivateFile } from './private-file';
import { chooseProcessIdentity, giveTo, type ProcessIdentity } from './process-identity';
import { initialiseCluster, Postmaster, PostmasterExited } from './postmaster';

const USER_NAME = 'keyrun_owner';
const DATABASE_NAME = 'keyrun';
/** For tests, whose many applications have a pool each. */
const THROW_AWAY_SETTINGS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '400',
};
/** A killed predecessor needs a moment to stop and to let go of its lock file. */
const START_TIMEOUT_MS = 20_000;
/** One that still serves after this long was not killed: another server uses it. */
const FOREIGN_AFTER_MS = 2_000;
const RETRY_DELAY_MS = 100;

/** Where the cluster is, and how careful it is. */
export interface EmbeddedPostgresOptions {
  /** Folder for the cluster (`postgres/`) and the file `database-url`. Must exist and be writable. */
  readonly dataDirectory: string;
  /** `false` for a throw-away cluster: fast, and corrupt after a power failure. Default `true`. */
  readonly durable?: boolean;
  /** Called when PostgreSQL ended by itself and was started again. */
  readonly onRestart?: (log: string) => void;
}

/**
 * A real PostgreSQL of our own on a free loopback port, with its data in a folder. It ends with this
 * process, however this process ends; what was committed is there at the next start.
 */
export class EmbeddedPostgres {
  #stopping = false;
  #postmaster: Postmaster;

  private constructor(
    private readonly binaries: PostgresBinaries,
    private readonly identity: ProcessIdentity,
    private readonly options: EmbeddedPostgresOptions,
    private readonly port: number,
    /** Superuser connection to the database `keyrun`. */
    readonly url: Secret,
  ) {}

  /**
   * Starts the cluster, creating it at the first start.
   * @throws {StartupError} when it cannot start; the message names the fix.
   */
  static async start(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
    const binaries = await locatePostgresBinaries(
      join(options.dataDirectory, 'postgres-libraries'),
    );
    const identity = chooseProcessIdentity(binaries.postgres, options.dataDirectory);
    const password = await ensureCluster(binaries, identity, options);
    const port = await freePort();
    const url = databaseUrl(password, port, DATABASE_NAME);
    const embedded = new EmbeddedPostgres(binaries, identity, options, port, url);
    await embedded.#launch();
    await createDatabase(databaseUrl(password, port, 'postgres'));
    await writePrivateFile(join(options.dataDirectory, 'database-url'), `${url.expose()}\n`);
    return embedded;
  }

  /** Stops the cluster cleanly. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#postmaster.stop();
  }

  async #launch(): Promise<void> {
    const giveUpAt = performance.now() + START_TIMEOUT_MS;
    let firstSeenServing: number | null = null;
    for (;;) {
      const postmaster = this.#spawn();
      const attempt = new AbortController();
      const failure = await Promise.race([postmaster.exited, answers(this.url, attempt.signal)]);
      attempt.abort();
      if (failure === null) {
        this.#postmaster = postmaster;
        void postmaster.exited.then((exit) => this.#restart(exit));
        return;
      }
      await postmaster.stop();
      const now = performance.now();
      if (await servesAnother(clusterDirectory(this.options.dataDirectory))) {
        firstSeenServing ??= now;
      } else {
        firstSeenServing = null;
      }
      const isForeign = firstSeenServing !== null && now - firstSeenServing > FOREIGN_AFTER_MS;
      if (isForeign || now > giveUpAt) throw startFailure(failure, this.options.dataDirectory);
      await delay(RETRY_DELAY_MS);
    }
  }

  #spawn(): Postmaster {
    return Postmaster.spawn(this.binaries, this.identity, {
      dataDirectory: clusterDirectory(this.options.dataDirectory),
      port: this.port,
      settings: this.options.durable === false ? THROW_AWAY_SETTINGS : {},
    });
  }

  async #restart(exit: PostmasterExited): Promise<void> {
    if (this.#stopping) return;
    this.options.onRestart?.(exit.log);
    try {
      await this.#launch();
    } catch (error) {
      this.options.onRestart?.(
        error instanceof Error ? error.message : 'PostgreSQL does not start',
      );
    }
  }
}

function clusterDirectory(dataDirectory: string): string {
  return join(dataDirectory, 'postgres');
}

function databaseUrl(password: string, port: number, database: string): Secret {
  return new Secret(`postgres://${USER_NAME}:${password}@127.0.0.1:${port}/${database}`);
}

/** Returns the superuser's password. The cluster appears under its name only when it is complete. */
async function ensureCluster(
  binaries: PostgresBinaries,
  identity: ProcessIdentity,
  { dataDirectory, durable = true }: EmbeddedPostgresOptions,
): Promise<string> {
  const cluster = clusterDirectory(dataDirectory);
  const passwordFile = join(dataDirectory, 'database-password');
  if (existsSync(cluster)) {
    if (identity.ownerId) giveTo(identity.ownerId, cluster);
    return readPassword(dataDirectory);
  }
  const unfinished = `${cluster}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { mode: 0o700 });
  const password = randomBytes(24).toString('base64url');
  await writePrivateFile(passwordFile, password);
  try {
    if (identity.ownerId) {
      giveTo(identity.ownerId, unfinished);
      giveTo(identity.ownerId, passwordFile);
    }
    await initialiseCluster(binaries, identity, {
      dataDirectory: unfinished,
      userName: USER_NAME,
      passwordFile,
      durable,
    });
    await writePrivateFile(
      join(dataDirectory, 'database-url'),
      `${databaseUrl(password, 0, DATABASE_NAME).expose()}\n`,
    );
    await rename(unfinished, cluster);
    return password;
  } catch (error) {
    throw error instanceof PostmasterExited ? startFailure(error, dataDirectory) : error;
  } finally {
    await rm(passwordFile, { force: true });
  }
}

async function readPassword(dataDirectory: string): Promise<string> {
  const path = join(dataDirectory, 'database-url');
  try {
    return new URL((await readFile(path, 'utf8')).trim()).password;
  } catch {
    throw new StartupError(
      `${path} holds the password of the embedded database and cannot be read. Restore it, or move ${clusterDirectory(dataDirectory)} away to start empty.`,
      EXIT_CODE.inputOutput,
    );
  }
}

async function createDatabase(maintenanceUrl: Secret): Promise<void> {
  const client = new Client({ connectionString: maintenanceUrl.expose() });
  await client.connect();
  try {
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [
      DATABASE_NAME,
    ]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE_NAME}`);
  } finally {
    await client.end();
  }
}

/** Resolves when the server accepts connections, or the attempt was given up. */
async function answers(url: Secret, attempt: AbortSignal): Promise<null> {
  const maintenance = new URL(url.expose());
  maintenance.pathname = '/postgres';
  while (!attempt.aborted) {
    const client = new Client({
      connectionString: maintenance.href,
      connectionTimeoutMillis: 2_000,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.end();
      return null;
    } catch {
      await delay(20);
    }
  }
  return null;
}

/** Whether a running postmaster holds the cluster and is not stopping (line 8 of its lock file). */
async function servesAnother(cluster: string): Promise<boolean> {
  try {
    const lines = (await readFile(join(cluster, 'postmaster.pid'), 'utf8')).split('\n');
    return lines[7]?.trim() === 'ready';
  } catch {
    return false;
  }
}

function startFailure(failure: PostmasterExited, dataDirectory: string): StartupError {
  if (failure.log.includes('lock file "postmaster.pid" already exists')) {
    return new StartupError(
      `Another server uses the data directory ${dataDirectory}. Stop it, set KEYRUN_DATA_DIR to another folder, or give this server the DATABASE_URL in ${join(dataDirectory, 'database-url')} as a second node.`,
      EXIT_CODE.unavailable,
    );
  }
  const lines = failure.log.trim().split('\n');
  const reason =
    lines.findLast((line) => /FATAL|PANIC|error:|ERROR/.test(line)) ?? lines.at(-1) ?? '';
  return new StartupError(
    `The embedded PostgreSQL does not start: ${reason.trim() || failure.message}`,
    EXIT_CODE.unavailable,
  );
}
