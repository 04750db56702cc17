import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EXIT_CODE, StartupError } from '../common';
import type { Environment } from '../config';
import { type FirstOwner, isAccessToken, type OwnerToken } from '../workspaces';

/** The way in that the banner shows. */
export interface WayIn {
  readonly token: OwnerToken;
  readonly tokenFile: string;
  readonly isNew: boolean;
}

/**
 * Makes the first owner on an empty database and keeps its token in the file `owner-token`; later starts
 * find it there.
 * @returns null when there are tokens but the file holds none that works.
 * @throws {StartupError} exit code 78 when KEYRUN_BOOTSTRAP_TOKEN_FILE holds no token of ours.
 */
export async function ensureWayIn(
  environment: Environment,
  owner: FirstOwner,
): Promise<WayIn | null> {
  const tokenFile = join(environment.dataDirectory, 'owner-token');
  const created = await owner.ensure(await bootstrapToken(environment));
  if (created !== null) {
    const draft = `${tokenFile}.draft`;
    await writeFile(draft, `${created.text}\n`, { mode: 0o600 });
    await rename(draft, tokenFile);
    return { token: created, tokenFile, isNew: true };
  }
  const text = await readTokenFile(tokenFile);
  const token = text === null ? null : await owner.find(text);
  return token === null ? null : { token, tokenFile, isNew: false };
}

async function bootstrapToken(environment: Environment): Promise<string | undefined> {
  const path = environment.bootstrapTokenFile;
  if (path === null) return undefined;
  const text = await readTokenFile(path);
  if (text !== null && isAccessToken(text)) return text;
  throw new StartupError(
    `KEYRUN_BOOTSTRAP_TOKEN_FILE must name a readable file with one access token (kr_pat_ and 36 characters with a valid checksum): ${path}`,
    EXIT_CODE.configuration,
  );
}

async function readTokenFile(path: string): Promise<string | null> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch {
    return null;
  }
}
