import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';

/** A file of the built UI as it goes over the wire, in each encoding that the build made of it. */
export interface BuiltFile {
  readonly type: string;
  /** Its name says what is in it, so it never changes. */
  readonly isHashed: boolean;
  readonly identity: Buffer;
  readonly br: Buffer | null;
  readonly gzip: Buffer | null;
}

/** The built UI. */
export interface BuiltUi {
  /** The page, with {@link NONCE_PLACE} where the style nonce of an answer goes. */
  readonly page: string;
  /** By the path that it is asked for under. */
  readonly files: ReadonlyMap<string, BuiltFile>;
}

/** What `web/index.html` says where the nonce goes. */
export const NONCE_PLACE = '__STYLE_NONCE__';

const PAGE = 'index.html';
const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/**
 * Reads the built UI into memory, about 2 MB: a build under a running server takes nothing from the pages
 * that are open.
 * @returns null when none is built.
 */
export function readBuiltUi(directory: string): BuiltUi | null {
  const page = readIfThere(join(directory, PAGE));
  if (page === null) return null;
  const files = new Map<string, BuiltFile>();
  for (const folder of ['', 'assets']) {
    for (const name of readdirSync(join(directory, folder))) {
      const type = TYPES[extname(name)];
      if (type === undefined) continue;
      const path = join(directory, folder, name);
      files.set(`/${folder === '' ? name : `${folder}/${name}`}`, {
        type,
        isHashed: folder === 'assets',
        identity: readFileSync(path),
        br: readIfThere(`${path}.br`),
        gzip: readIfThere(`${path}.gz`),
      });
    }
  }
  return { page: page.toString('utf8'), files };
}

function readIfThere(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
