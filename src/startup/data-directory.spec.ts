import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StartupError } from '../common';
import { prepareDataDirectory } from './data-directory';

describe('prepareDataDirectory', () => {
  let root: string;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'keyrun-data-directory-'));
  });

  afterEach(async () => {
    await rm(root, { recursive: true });
  });

  const modeOf = async (path: string) => (await stat(path)).mode & 0o777;
  const refusalOf = async (path: string): Promise<StartupError> => {
    const failure: unknown = await prepareDataDirectory(path).then(
      () => null,
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(StartupError);
    return failure as StartupError;
  };

  it('makes the folder, and those above it, that others may pass but not list', async () => {
    const path = join(root, 'a', 'b', 'data');
    await prepareDataDirectory(path);
    expect(await modeOf(path)).toBe(0o711);
    expect(await modeOf(join(root, 'a'))).toBe(0o711);
  });

  it('leaves a folder that is there as it is', async () => {
    const path = join(root, 'data');
    await prepareDataDirectory(path);
    await writeFile(join(path, 'kept'), 'x');
    await chmod(path, 0o750);
    await prepareDataDirectory(path);
    expect(await modeOf(path)).toBe(0o750);
    expect((await stat(join(path, 'kept'))).size).toBe(1);
  });

  it('refuses a path that cannot be a folder, and names the path, the reason and the fix', async () => {
    const file = join(root, 'file');
    await writeFile(file, 'x');
    const below = await refusalOf(join(file, 'data'));
    expect(below.exitCode).toBe(74);
    expect(below.message).toBe(
      `The data directory ${join(file, 'data')} cannot be written (ENOTDIR). Give this user access to it, or set KEYRUN_DATA_DIR to another folder.`,
    );
  });

  it('refuses a file in the place of the folder', async () => {
    const file = join(root, 'file');
    await writeFile(file, 'x', { mode: 0o600 });
    expect((await refusalOf(file)).exitCode).toBe(74);
  });

  it('does not hang below a file system that takes no folders', async () => {
    expect((await refusalOf('/proc/keyrun/data')).exitCode).toBe(74);
  });
});
