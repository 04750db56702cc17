import { access, constants, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EXIT_CODE, StartupError } from '../common';

/**
 * Makes the folder if it is missing. Others may pass through it (PostgreSQL runs as another user when we are
 * root) but not list it; each secret file in it is readable by its owner only.
 * @throws {StartupError} exit code 74 when it cannot be made or written.
 */
export async function prepareDataDirectory(path: string): Promise<void> {
  try {
    await makeDirectory(path);
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown reason';
    throw new StartupError(
      `The data directory ${path} cannot be written (${reason}). Give this user access to it, or set KEYRUN_DATA_DIR to another folder.`,
      EXIT_CODE.inputOutput,
    );
  }
}

/** Not `mkdir` with `recursive`, which never returns for a path below `/proc`. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdirUnlessThere(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeDirectory(dirname(path));
    await mkdirUnlessThere(path);
  }
}

async function mkdirUnlessThere(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o711 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
