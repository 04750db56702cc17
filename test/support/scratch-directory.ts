import { existsSync, statfsSync } from 'node:fs';
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A container may have 64 MB of shared memory, which one cluster fills. */
const MEMORY_BYTES_MIN = 2 ** 31;

/**
 * A new folder for a throw-away data directory, in memory where there is enough of it. Whoever makes it
 * removes it. Like a data directory, it lets the account of PostgreSQL pass through.
 */
export async function makeScratchDirectory(): Promise<string> {
  const parent = isRoomy('/dev/shm') ? '/dev/shm' : tmpdir();
  const directory = await mkdtemp(join(parent, 'keyrun-test-'));
  await chmod(directory, 0o711);
  return directory;
}

function isRoomy(folder: string): boolean {
  if (!existsSync(folder)) return false;
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize >= MEMORY_BYTES_MIN;
}
