import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { makeScratchDirectory } from '../support/scratch-directory';

export const PROJECT_ROOT = join(__dirname, '..', '..');

/** Long enough for a start on a machine that is busy with other tests. */
export const START_LIMIT_MS = 60_000;
const POLL_MS = 25;

export interface ServerOptions {
  /** Absent: the variable is not set, and the data directory is `data` in `workingDirectory`. */
  readonly dataDirectory?: string;
  readonly variables?: Readonly<Record<string, string>>;
  /** `start`: as `npm start` does. Default: the built server itself. */
  readonly through?: 'start' | 'main';
  readonly workingDirectory?: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const running = new Set<ServerProcess>();
const directories = new Set<string>();

/** A server in a process of its own, with an environment of its own, on a free port. */
export class ServerProcess {
  stdout = '';
  stderr = '';
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;

  constructor({ dataDirectory, variables, through = 'main', workingDirectory }: ServerOptions) {
    const script = through === 'start' ? 'scripts/start.mjs' : 'dist/src/main.js';
    this.#child = spawn(process.execPath, [join(PROJECT_ROOT, script)], {
      cwd: workingDirectory ?? PROJECT_ROOT,
      env: {
        PATH: process.env.PATH,
        PORT: '0',
        ...(dataDirectory === undefined ? {} : { KEYRUN_DATA_DIR: dataDirectory }),
        ...variables,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.exited = once(this.#child, 'close').then(([code, signal]) => {
      running.delete(this);
      return { code: code as number | null, signal: signal as NodeJS.Signals | null };
    });
    running.add(this);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /**
   * The address in the banner, when it has been printed whole.
   * @throws {Error} with the output, when the process ends before.
   */
  async ready(): Promise<string> {
    return until('the banner', () => {
      if (!running.has(this)) throw new Error(`the server ended: ${this.stderr}${this.stdout}`);
      const [, url] = /Keyrun is ready at (\S+)\n[^]*\n {2}-d '.*'\n\n/.exec(this.stdout) ?? [];
      return url ?? null;
    });
  }

  /** Asks it to end, as `npm` does: the signal twice at once. */
  async stop(): Promise<Exit> {
    this.kill('SIGTERM');
    this.kill('SIGTERM');
    return this.exited;
  }
}

/** A data directory that {@link cleanUp} removes. */
export async function newDataDirectory(): Promise<string> {
  const directory = await makeScratchDirectory();
  directories.add(directory);
  return directory;
}

/** For `afterEach`: ends what still runs, by its process id, and removes the data directories. */
export async function cleanUp(): Promise<void> {
  for (const server of running) server.kill('SIGKILL');
  await Promise.all([...running].map((server) => server.exited));
  for (const directory of directories) {
    const pid = postmasterPid(directory);
    if (pid !== null) await until('PostgreSQL to end', () => (isAlive(pid) ? null : true));
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
  directories.clear();
}

/** Process id of the embedded PostgreSQL; null when its lock file is gone, as after a clean stop. */
export function postmasterPid(dataDirectory: string): number | null {
  try {
    return Number.parseInt(readFileSync(join(dataDirectory, 'postgres', 'postmaster.pid'), 'utf8'));
  } catch {
    return null;
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The value that the check gives once it is not null. */
export async function until<T>(
  what: string,
  check: () => T | null | Promise<T | null>,
  limitMs = START_LIMIT_MS,
): Promise<T> {
  const giveUpAt = performance.now() + limitMs;
  for (;;) {
    const value = await check();
    if (value !== null) return value;
    if (performance.now() > giveUpAt) throw new Error(`waited in vain for ${what}`);
    await delay(POLL_MS);
  }
}

/** The owner's token, as the first start left it. */
export async function ownerToken(dataDirectory: string): Promise<string> {
  return (await readFile(join(dataDirectory, 'owner-token'), 'utf8')).trim();
}
