import { chmod, open, readFile, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EXIT_CODE, Secret, StartupError } from '../common';
import type { Environment } from '../config';

/** Names of the files in the data directory that hold root keys. Each has mode 0600. */
export const ROOT_KEY_FILES = {
  /** Wraps new data keys, and unwraps. */
  active: 'root-key',
  /** One per line; unwrap only. */
  previous: 'previous-root-keys',
  /** One per line; not read by the server. Kept for old backups. */
  retired: 'retired-root-keys',
} as const;

/** The path of the file in the data directory. */
export function rootKeyFile(environment: Environment, name: keyof typeof ROOT_KEY_FILES): string {
  return join(environment.dataDirectory, ROOT_KEY_FILES[name]);
}

/**
 * The root keys in the file, one per line; null if there is no such file.
 * @throws {StartupError} exit code 78: cannot be read, or others can read it and this is production.
 */
export async function readRootKeyFile(
  path: string,
  environment: Environment,
): Promise<Secret[] | null> {
  try {
    const text = await readFile(path, 'utf8');
    const mode = (await stat(path)).mode & 0o777;
    if ((mode & 0o077) !== 0) await tighten(path, mode, environment);
    return text
      .replace(/\r?\n$/, '')
      .split(/\r?\n/)
      .map((line) => new Secret(line));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    if (error instanceof StartupError) throw error;
    throw new StartupError(
      `${path} cannot be read (${code ?? 'unknown reason'}).`,
      EXIT_CODE.configuration,
    );
  }
}

/** Replaces the file as a whole: whoever reads it, even after a power failure, finds the old keys or the new ones. */
export async function writeRootKeyFile(path: string, keys: readonly Secret[]): Promise<void> {
  const draft = `${path}.draft`;
  await writeDurably(draft, keys.map((key) => `${key.expose()}\n`).join(''));
  await rename(draft, path);
  const directory = await open(dirname(path), 'r');
  await directory.sync().finally(() => directory.close());
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.chmod(0o600);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Others could read the key: fixed on a developer's machine, an incident in production. */
async function tighten(path: string, mode: number, environment: Environment): Promise<void> {
  if (environment.isProduction) {
    throw new StartupError(
      `${path} has mode 0${mode.toString(8)}; want 0600. Others may have read the root key: rotate it.`,
      EXIT_CODE.configuration,
    );
  }
  await chmod(path, 0o600);
}
