import { writeFile } from 'node:fs/promises';
import type { DataSource } from 'typeorm';
import { EXIT_CODE, StartupError } from '../common';
import type { Environment } from '../config';
import { generateRootKey, LocalKeyEncryption, parseRootKey, type RootKey } from '../crypto';
import { readRootKeyFile, rootKeyFile } from './root-key-files';

export interface OpenedRootKeys {
  /** Null: there is no local root key, and none is needed. */
  readonly keyEncryption: LocalKeyEncryption | null;
  /** Path of the key file that was made at this start; null: none was. */
  readonly generatedFile: string | null;
}

/**
 * The local root keys: from the environment, which replaces those of the data directory, else from its files
 * `root-key` (made by the first start of an embedded server) and `previous-root-keys`.
 * @throws {StartupError} exit code 78: malformed, weak, or missing though KEYRUN_KMS is local; production never
 * generates one.
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

  const path = rootKeyFile(environment, 'active');
  const [stored, ...surplus] = (await readRootKeyFile(path, environment)) ?? [];
  if (surplus.length > 0) {
    throw new StartupError(`${path} must hold one line.`, EXIT_CODE.configuration);
  }
  previous.push(...(await previousOfFile(environment)));
  if (stored !== undefined) return open(parseRootKey(stored, path), previous, null);
  if (environment.keyServices.active !== 'local') {
    const [newest, ...older] = previous;
    return newest === undefined
      ? { keyEncryption: null, generatedFile: null }
      : open(newest, older, null);
  }
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

async function previousOfFile(environment: Environment): Promise<RootKey[]> {
  const path = rootKeyFile(environment, 'previous');
  const texts = (await readRootKeyFile(path, environment)) ?? [];
  return texts.filter((text) => text.expose() !== '').map((text) => parseRootKey(text, path));
}

async function refuseToGenerate(environment: Environment, dataSource: DataSource): Promise<void> {
  if (environment.isProduction || environment.databaseUrl !== null) {
    throw new StartupError(
      'KEYRUN_ROOT_KEY is not set. If servers use this database already, take theirs: KEYRUN_ROOT_KEY_FILE may name the root-key file of a data directory. For a new database generate one: openssl rand -base64 32. Keep a copy outside this machine; without it stored keys are lost.',
      EXIT_CODE.configuration,
    );
  }
  const [row] = await dataSource.query<{ dataKeys: number }[]>(
    `SELECT coalesce(sum(data_keys), 0)::integer AS "dataKeys" FROM count_data_keys_by_root_key()`,
  );
  if (row !== undefined && row.dataKeys > 0) {
    throw new StartupError(
      `The database holds ${row.dataKeys} data keys, but the root key is gone. Restore ${rootKeyFile(environment, 'active')} or set KEYRUN_ROOT_KEY.`,
      EXIT_CODE.configuration,
    );
  }
}
