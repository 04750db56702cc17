import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { PostgresBinaries } from './postgres-binaries';
import type { ProcessIdentity } from './process-identity';

/**
 * Runs a program and stops it with SIGINT (PostgreSQL's fast shutdown) when standard input closes, which
 * also happens when this process is killed: no orphan stays behind.
 */
const WATCHDOG = [
  'exec 3<&0',
  '"$@" </dev/null 3<&- & child=$!',
  '(cat <&3; kill -INT "$child") >/dev/null 2>&1 & watcher=$!',
  'wait "$child"; status=$?',
  'kill "$watcher" 2>/dev/null',
  'exit "$status"',
].join('\n');

/** How much of the end of PostgreSQL's log is kept to explain a failed start. */
const KEPT_LOG_CHARACTERS = 4_000;

export class PostmasterExited extends Error {
  constructor(
    readonly exitCode: number | null,
    readonly log: string,
  ) {
    super(`PostgreSQL ended with exit code ${String(exitCode)}`);
  }
}

/** One running `postgres` process of ours. */
export class Postmaster {
  #log = '';
  readonly exited: Promise<PostmasterExited>;

  private constructor(private readonly child: ChildProcess) {
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#log = (this.#log + text).slice(-KEPT_LOG_CHARACTERS);
    });
    this.exited = new Promise((resolve) => {
      child.once('error', (error) => {
        resolve(new PostmasterExited(null, error.message));
      });
      child.once('close', (code) => {
        resolve(new PostmasterExited(code, this.#log));
      });
    });
  }

  /** Starts PostgreSQL on a loopback port. It is not ready yet: connect until it answers. */
  static spawn(
    binaries: PostgresBinaries,
    identity: ProcessIdentity,
    options: { dataDirectory: string; port: number; settings: Readonly<Record<string, string>> },
  ): Postmaster {
    const settings: Record<string, string> = {
      listen_addresses: '127.0.0.1',
      port: String(options.port),
      unix_socket_directories: '',
      logging_collector: 'off',
      ...options.settings,
    };
    const words = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const program = [...identity.prefix, binaries.postgres, '-D', options.dataDirectory, ...words];
    const child = spawn('/bin/sh', ['-c', WATCHDOG, 'sh', ...program], {
      // A session of its own: Ctrl-C in a terminal reaches only this process, which stops PostgreSQL last.
      detached: true,
      cwd: '/',
      env: childVariables(binaries),
      stdio: ['pipe', 'ignore', 'pipe'],
      ...identity.user,
    });
    child.stdin.on('error', () => undefined);
    child.once('exit', () => child.stdin.destroy());
    return new Postmaster(child);
  }

  /** Fast shutdown; resolves when the process has ended. */
  async stop(): Promise<void> {
    this.child.stdin?.end();
    await this.exited;
  }
}

/** Runs `initdb`. */
export async function initialiseCluster(
  binaries: PostgresBinaries,
  identity: ProcessIdentity,
  options: { dataDirectory: string; userName: string; passwordFile: string; durable: boolean },
): Promise<void> {
  const [command = '', ...words] = [
    ...identity.prefix,
    binaries.initdb,
    `--pgdata=${options.dataDirectory}`,
    `--username=${options.userName}`,
    `--pwfile=${options.passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    ...(options.durable ? [] : ['--no-sync']),
  ];
  const child = spawn(command, words, {
    cwd: '/',
    env: childVariables(binaries),
    stdio: ['ignore', 'ignore', 'pipe'],
    ...identity.user,
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const [exitCode] = (await once(child, 'close')) as [number | null];
  if (exitCode !== 0) throw new PostmasterExited(exitCode, log);
}

function childVariables(binaries: PostgresBinaries): Record<string, string> {
  return { PATH: '/usr/bin:/bin:/usr/local/bin', LC_ALL: 'C', TZ: 'UTC', ...binaries.variables };
}
