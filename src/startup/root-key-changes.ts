import { EXIT_CODE, type Secret, StartupError } from '../common';
import type { Environment } from '../config';
import { generateRootKey, parseRootKey } from '../crypto';
import { readRootKeyFile, rootKeyFile, writeRootKeyFile } from './root-key-files';

export interface ReplacedRootKey {
  readonly file: string;
  readonly rootKeyId: string;
  readonly formerRootKeyId: string;
}

/**
 * Makes a new root key in the data directory; the former one unwraps from then on. First the former key is saved as a
 * previous one, then the file of the active one is replaced: killed between the two, the server starts as before.
 */
export async function replaceRootKeyFile(environment: Environment): Promise<ReplacedRootKey> {
  const file = rootKeyFile(environment, 'active');
  const [former] = (await readRootKeyFile(file, environment)) ?? [];
  if (former === undefined) {
    throw new StartupError(`There is no ${file} to replace.`, EXIT_CODE.configuration);
  }
  await addKey(rootKeyFile(environment, 'previous'), former, environment);
  const generated = generateRootKey();
  await writeRootKeyFile(file, [generated]);
  return { file, rootKeyId: idOf(generated), formerRootKeyId: idOf(former) };
}

/**
 * Moves the key from the previous ones to the retired ones, which the server does not read.
 * @returns the file where it is now; null if it was not in a file of the data directory
 */
export async function retireRootKeyInFile(
  environment: Environment,
  rootKeyId: string,
): Promise<string | null> {
  if (environment.rootKey !== null) return null;
  const file = rootKeyFile(environment, 'previous');
  const keys = (await readRootKeyFile(file, environment)) ?? [];
  const retired = keys.find((key) => key.expose() !== '' && idOf(key) === rootKeyId);
  if (retired === undefined) return null;
  const target = rootKeyFile(environment, 'retired');
  await addKey(target, retired, environment);
  await writeRootKeyFile(
    file,
    keys.filter((key) => key !== retired),
  );
  return target;
}

async function addKey(file: string, key: Secret, environment: Environment): Promise<void> {
  const present = (await readRootKeyFile(file, environment)) ?? [];
  const others = present.filter((other) => other.expose() !== key.expose());
  await writeRootKeyFile(file, [key, ...others]);
}

function idOf(key: Secret): string {
  return parseRootKey(key, 'a root key file').id;
}
