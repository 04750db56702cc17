// Builds dist/, server and web UI, and stamps it with a digest of its sources, so that a start can tell whether it is stale.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildUi, isUiStale } from './build-ui.mjs';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const stamp = join(root, 'dist', '.build-stamp');
/** File systems round times. */
const CLOCK_TOLERANCE_MS = 2_000;
const INPUTS = [
  'src',
  'migrations',
  'ormconfig.ts',
  'tsconfig.json',
  'tsconfig.build.json',
  'nest-cli.json',
  'package.json',
];

function* filesBelow(path) {
  const entries = readdirSync(join(root, path), { withFileTypes: true });
  for (const entry of entries.sort((left, right) => (left.name < right.name ? -1 : 1))) {
    const child = `${path}/${entry.name}`;
    if (entry.isDirectory()) yield* filesBelow(child);
    else if (!child.endsWith('.spec.ts')) yield child;
  }
}

function sourceDigest() {
  const hash = createHash('sha256');
  for (const input of INPUTS) {
    const files = input.includes('.') ? [input] : [...filesBelow(input)];
    for (const file of files)
      hash
        .update(file)
        .update('\0')
        .update(readFileSync(join(root, file)));
  }
  return hash.digest('hex');
}

/** Whether the server is; the commands that need no UI do not ask for more. */
export function isStale() {
  return !existsSync(stamp) || readFileSync(stamp, 'utf8') !== sourceDigest();
}

/** Replaces files one by one: a server that runs from dist/ meanwhile finds every module that it still needs. */
export function build() {
  const digest = sourceDigest();
  const startedAt = Date.now();
  const nest = join(root, 'node_modules', '@nestjs', 'cli', 'bin', 'nest.js');
  const { status } = spawnSync(process.execPath, [nest, 'build'], { cwd: root, stdio: 'inherit' });
  if (status !== 0) {
    console.error('keyrun: the build failed. Run npm ci, then try again.');
    process.exit(1);
  }
  removeOlderThan(startedAt);
  writeFileSync(stamp, digest);
}

/** The compiler writes every output: what is older belongs to a source that is gone. */
function removeOlderThan(time) {
  for (const file of filesBelow('dist')) {
    const path = join(root, file);
    if (file.startsWith('dist/web-ui/')) continue;
    if (statSync(path).mtimeMs < time - CLOCK_TOLERANCE_MS) rmSync(path);
  }
}

/** Builds server and UI, or what of them is stale. */
export async function buildAll({ ifStale }) {
  if (!ifStale || isStale()) build();
  try {
    if (!ifStale || isUiStale()) await buildUi();
  } catch (error) {
    console.error(`keyrun: the UI cannot be built: ${error.message}`);
    process.exit(1);
  }
}

const isCalled = process.argv[1] === fileURLToPath(import.meta.url);
if (isCalled) await buildAll({ ifStale: process.argv.includes('--if-stale') });
