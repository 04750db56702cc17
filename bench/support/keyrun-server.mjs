import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../../scripts/build.mjs';
import { startOwned, stop } from './owned-process.mjs';
import { commandLine, descendants } from './process-facts.mjs';

const READY = /Keyrun is ready at (\S+)/;
/** Those of `npm start`. */
const START_FLAGS = ['--max-semi-space-size=16', '--initial-heap-size=64'];
const START_ENVIRONMENT = { MALLOC_ARENA_MAX: '2' };
const OURS = /^(KEYRUN_|OTEL_)|^(PORT|HOST|DATABASE_URL|LOG_LEVEL|NODE_ENV|NODE_OPTIONS)$/;

const dataDirectories = new Set();

/** A data directory that PostgreSQL, which is another user when we are root, can reach. */
export async function makeDataDirectory() {
  const path = await mkdtemp(join(tmpdir(), 'keyrun-bench-'));
  dataDirectories.add(path);
  await chmod(path, 0o711);
  return path;
}

export async function removeDataDirectory(path) {
  // A PostgreSQL that ends on its own may still write for a moment.
  await rm(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  dataDirectories.delete(path);
}

/** What is left when the run is broken off. */
export async function removeDataDirectories() {
  for (const path of dataDirectories) await removeDataDirectory(path);
}

/** A server in its own process, with its embedded PostgreSQL. */
export class KeyrunServer {
  constructor(child, dataDirectory, baseUrl, readyMs) {
    Object.assign(this, { child, dataDirectory, baseUrl, readyMs });
  }

  /** @param {{ dataDirectory: string, allowedHosts?: string, command?: [string, ...string[]], repository?: string }} options */
  static async start({ dataDirectory, allowedHosts = '', command, repository = root }) {
    const [program, ...parameters] = command ?? [
      process.execPath,
      ...START_FLAGS,
      'scripts/start.mjs',
    ];
    const inherited = Object.entries(process.env).filter(([name]) => !OURS.test(name));
    const startedAt = performance.now();
    const child = startOwned(program, parameters, {
      cwd: repository,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        ...Object.fromEntries(inherited),
        ...START_ENVIRONMENT,
        PORT: '0',
        KEYRUN_DATA_DIR: dataDirectory,
        KEYRUN_ALLOWED_HOSTS: allowedHosts,
      },
    });
    const baseUrl = await readyUrl(child);
    return new KeyrunServer(child, dataDirectory, baseUrl, performance.now() - startedAt);
  }

  /** Pid of the server itself, below npm and its shell if there are any. */
  get pid() {
    const below = descendants(this.child.pid);
    const isServer = (pid) => commandLine(pid).includes('start.mjs');
    return below.findLast(isServer) ?? this.child.pid;
  }

  async connect() {
    this.token = (await readFile(join(this.dataDirectory, 'owner-token'), 'utf8')).trim();
    const { data } = await this.request('GET', '/api/workspaces');
    this.workspaceId = data[0].id;
  }

  async request(method, path, body) {
    const response = await fetch(this.baseUrl + path, {
      method,
      headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}`);
    return response.json();
  }

  async databaseUrl() {
    return (await readFile(join(this.dataDirectory, 'database-url'), 'utf8')).trim();
  }

  async stop() {
    await stop(this.child);
  }
}

function readyUrl(child) {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      if (text === null) return;
      text += chunk;
      const found = READY.exec(text);
      if (found === null) return;
      // From now on the logs are only drained.
      text = null;
      resolve(found[1]);
    });
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
  });
}
