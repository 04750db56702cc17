import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import { EXIT_CODE, Secret, StartupError } from '../common';
import type { Environment } from '../config';
import { generateRootKey, LocalKeyEncryption, parseRootKey, type RootKey } from '../crypto';

export interface OpenedRootKeys {
  readonly keyEncryption: LocalKeyEncryption;
  /** Path of the key file that was made at this start; null: none was. */
  readonly generatedFile: string | null;
}

/**
 * The root keys: from the environment, else from the file `root-key` in the data directory, which the first
 * start of an embedded server makes.
 * @throws {StartupError} exit code 78: missing, malformed or weak; production never generates one.
 */
export async function openRootKeys(
  environment: Environment,
  dataSource: DataSource,
): Promise<OpenedRootKeys> {
  const previous = environment.previousRootKeys.map(({ text, source }) =>
    parseRootKey(text, source),
  );
  const { rootKey } = environment;
  if (rootKey !== null) return open(parseRootKey(rootKey.text, rootKey.source), previous, null);

  const path = join(environment.dataDirectory, 'root-key');
  const stored = await readKeyFile(path, environment);
  if (stored !== null) return open(parseRootKey(stored, path), previous, null);
  await refuseToGenerate(environment, dataSource);
  const generated = generateRootKey();
  await writeFile(path, `${generated.expose()}\n`, { mode: 0o600, flag: 'wx' });
  return open(parseRootKey(generated, path), previous, path);
}

function open(
  active: RootKey,
  previous: readonly RootKey[],
  generatedFile: string | null,
): OpenedRootKeys {
  return { keyEncryption: new LocalKeyEncryption(active, previous), generatedFile };
}

async function readKeyFile(path: string, environment: Environment): Promise<Secret | null> {
  try {
    const text = await readFile(path, 'utf8');
    const mode = (await stat(path)).mode & 0o777;
    if ((mode & 0o077) !== 0) await tighten(path, mode, environment);
    return new Secret(text.replace(/\r?\n$/, ''));
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

async function refuseToGenerate(environment: Environment, dataSource: DataSource): Promise<void> {
  if (environment.isProduction || environment.databaseUrl !== null) {
    throw new StartupError(
      'KEYRUN_ROOT_KEY is not set. Generate one: openssl rand -base64 32. Keep a copy outside this machine; without it stored keys are lost.',
      EXIT_CODE.configuration,
    );
  }
  const [row] = await dataSource.query<{ dataKeys: number }[]>(
    `SELECT count(*)::integer AS "dataKeys" FROM workspace_data_keys`,
  );
  if (row !== undefined && row.dataKeys > 0) {
    throw new StartupError(
      `The database holds ${row.dataKeys} data keys, but the root key is gone. Restore ${join(environment.dataDirectory, 'root-key')} or set KEYRUN_ROOT_KEY.`,
      EXIT_CODE.configuration,
    );
  }
}
