import { spawnSync } from 'node:child_process';
import { chownSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT_CODE, StartupError } from '../../common';

/** As whom PostgreSQL runs. It refuses to run as root, so a root start has to step down. */
export interface ProcessIdentity {
  /** Words that go before the program, e.g. `unshare …`. */
  readonly prefix: readonly string[];
  /** User and group for the child process; absent: those of this process. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Who must own the files of the database when this process is root. */
  readonly ownerId?: { readonly uid: number; readonly gid: number };
}

const UNPRIVILEGED_ACCOUNTS = ['postgres', 'nobody'];
/** Programs get no environment of ours: it may hold credentials, and Node's debug lines show it. */
const VARIABLES = { PATH: '/usr/bin:/bin:/usr/local/bin' };

/**
 * Chooses the identity: this user; or, as root, an unprivileged account that reaches the program and the
 * folder; or, when a parent folder is closed to it (mode 0700), root inside a user name space where it has
 * no privilege.
 * @throws {StartupError} when none of these works; the message says what to change.
 */
export function chooseProcessIdentity(program: string, folder: string): ProcessIdentity {
  if (process.getuid?.() !== 0) return { prefix: [] };
  const account = unprivilegedAccount();
  if (account !== null && reaches(program, folder, account)) {
    return { prefix: [], user: account, ownerId: account };
  }
  const { uid, gid } = account ?? { uid: 65_534, gid: 65_534 };
  const prefix = ['unshare', '--user', `--map-user=${uid}`, `--map-group=${gid}`, '--'];
  const [command = '', ...words] = prefix;
  if (
    spawnSync(command, [...words, program, '--version'], { cwd: '/', env: VARIABLES }).status === 0
  ) {
    return { prefix, ownerId: { uid: 0, gid: 0 } };
  }
  throw new StartupError(
    `PostgreSQL does not run as root, and no other account reaches ${folder}. Start as a normal user, set KEYRUN_DATA_DIR to a folder every account can enter, or set DATABASE_URL.`,
    EXIT_CODE.inputOutput,
  );
}

/** Gives the folder and what is in it to the owner, where it differs. */
export function giveTo(owner: { uid: number; gid: number }, path: string): void {
  const status = lstatSync(path);
  if (status.uid !== owner.uid || status.gid !== owner.gid) chownSync(path, owner.uid, owner.gid);
  if (!status.isDirectory()) return;
  for (const name of readdirSync(path)) giveTo(owner, join(path, name));
}

function unprivilegedAccount(): { uid: number; gid: number } | null {
  const accounts = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of UNPRIVILEGED_ACCOUNTS) {
    const [, , uid, gid] = accounts.find((line) => line.startsWith(`${name}:`))?.split(':') ?? [];
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  return null;
}

function reaches(program: string, folder: string, account: { uid: number; gid: number }): boolean {
  const options = { ...account, cwd: '/', env: VARIABLES };
  return (
    spawnSync(program, ['--version'], options).status === 0 &&
    spawnSync('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], options).status === 0
  );
}
