// Builds the web UI into dist/web-ui/, stamped with a digest of its sources as dist/ is, and compresses it.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const source = join(root, 'web');
const target = join(root, 'dist', 'web-ui');
const stamp = join(target, '.build-stamp');
/** What a browser loads before the first page shows, compressed. */
const FIRST_SCRIPTS_BYTES_MAX = 250_000;
/** Shorter files gain nothing. */
const COMPRESSED_FROM_BYTES = 1_000;

function sourceDigest() {
  const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json')));
  const names = readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'openapi.json')
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  for (const name of names) hash.update(name.slice(source.length)).update(readFileSync(name));
  return hash.digest('hex');
}

export function isUiStale() {
  return !existsSync(stamp) || readFileSync(stamp, 'utf8') !== sourceDigest();
}

export async function buildUi() {
  const digest = sourceDigest();
  await bundle();
  const bytes = firstScriptsBytes();
  console.log(`keyrun: the UI loads ${(bytes / 1_000).toFixed(0)} kB of script at first`);
  if (bytes > FIRST_SCRIPTS_BYTES_MAX) {
    throw new Error(
      `that is more than ${FIRST_SCRIPTS_BYTES_MAX / 1_000} kB: load late what the first page does not show`,
    );
  }
  rmSync(join(target, '.vite'), { recursive: true });
  compress();
  writeFileSync(stamp, digest);
}

/** Vite takes the React that NODE_ENV names; the server that may start in this process reads it too. */
async function bundle() {
  const { build } = await import('vite');
  const { NODE_ENV } = process.env;
  process.env.NODE_ENV = 'production';
  try {
    await build({ configFile: join(source, 'vite.config.mjs'), logLevel: 'warn' });
  } finally {
    if (NODE_ENV === undefined) delete process.env.NODE_ENV;
    else process.env.NODE_ENV = NODE_ENV;
  }
}

/** The entry and all that it imports at once, as gzip sends them. */
function firstScriptsBytes() {
  const manifest = JSON.parse(readFileSync(join(target, '.vite', 'manifest.json'), 'utf8'));
  const seen = new Set();
  const visit = (key) => {
    if (seen.has(key)) return;
    seen.add(key);
    for (const imported of manifest[key].imports ?? []) visit(imported);
  };
  for (const [key, chunk] of Object.entries(manifest)) if (chunk.isEntry) visit(key);
  return [...seen].reduce(
    (sum, key) => sum + gzipSync(readFileSync(join(target, manifest[key].file))).length,
    0,
  );
}

function compress() {
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };
  for (const folder of [target, join(target, 'assets')]) {
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      if (!/\.(js|css|svg)$/.test(name)) continue;
      const content = readFileSync(path);
      if (content.length < COMPRESSED_FROM_BYTES) continue;
      writeFileSync(`${path}.br`, brotliCompressSync(content, quality));
      writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
    }
  }
}
