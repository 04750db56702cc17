import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const FOLDERS = ['.', 'core', 'internal', 'internal/utils', 'lib/credentials'];
const READ = /readEnv\)\('([A-Z][A-Z0-9_]*)'\)/g;

/**
 * The environment variables that the client of an official SDK reads, found in its source, so that a
 * variable which a new version of the SDK reads is tested without anyone having heard of it.
 */
export function sdkEnvironmentNames(packageName: string, prefix: string): readonly string[] {
  const root = dirname(require.resolve(packageName));
  const sources = FOLDERS.flatMap((folder) => sourcesIn(join(root, folder)));
  const names = sources.flatMap((source) =>
    [...source.matchAll(READ)].map(([, name]) => name ?? ''),
  );
  return [...new Set(names)].filter((name) => name.startsWith(prefix));
}

function sourcesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.js'))
    .map((entry) => readFileSync(join(folder, entry.name), 'utf8'));
}
