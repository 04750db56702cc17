import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { makeScratchDirectory } from '../../support/scratch-directory';

/** Said instead of a finding where no disk can be mounted. */
export const CANNOT_MOUNT = 'SKIPPED: only root may mount a small disk, and not in every container';

/** Unmounts when its input ends: when it is told to, and when this process is gone, however that came. */
const HOLD = `
  mount -t tmpfs -o size="$2",mode=0711 tmpfs "$1" || exit 1
  echo mounted
  read -r _
  umount -l "$1"; rmdir "$1"`;
const BLOCK = Buffer.alloc(4_096, 'x');

/** A file system in memory of a size that it cannot leave, with a file that takes what shall not be free. */
export class SmallDisk {
  private constructor(
    readonly folder: string,
    private readonly holder: ChildProcess,
  ) {}

  /** @param size - as mount takes it, for example `8m`. @returns null: this account or system may not mount. */
  static async mount(size: string): Promise<SmallDisk | null> {
    const folder = await makeScratchDirectory();
    const holder = spawn('sh', ['-c', HOLD, 'sh', folder, size], {
      // Out of reach of the Ctrl-C that ends the run.
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const isMounted = await Promise.race([
      once(holder.stdout, 'data').then(() => true),
      once(holder, 'exit').then(() => false),
    ]);
    if (isMounted) return new SmallDisk(folder, holder);
    rmSync(folder, { recursive: true });
    return null;
  }

  /** Takes all space but so many bytes, in whole blocks. */
  fill(leave = 0): void {
    const path = join(this.folder, 'filler');
    const file = openSync(path, 'w');
    let size = 0;
    try {
      for (;;) size += writeSync(file, BLOCK);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      closeSync(file);
    }
    truncateSync(path, Math.max(0, size - leave));
  }

  clear(): void {
    rmSync(join(this.folder, 'filler'), { force: true });
  }

  async unmount(): Promise<void> {
    const ended = once(this.holder, 'exit');
    this.holder.stdin?.end();
    await ended;
  }
}
