import { createReadStream } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { EXIT_CODE, StartupError } from '../common';

/**
 * The lines of a file.
 * @throws {StartupError} exit code 74 when it cannot be read
 */
export async function* linesOf(path: string): AsyncGenerator<string> {
  try {
    yield* createInterface({ input: createReadStream(path), crlfDelay: Infinity });
  } catch (error) {
    throw unusable(path, 'read', error);
  }
}

/**
 * Makes a folder, unless it is there, that only its owner may read.
 * @throws {StartupError} exit code 74 when it cannot be made
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw unusable(path, 'made', error);
  }
}

/**
 * Writes a new file that only its owner may read. One that is there stays as it is: it may be the only copy.
 * @throws {StartupError} exit code 74 when it is there or cannot be written
 */
export async function writeExportFile(path: string, lines: AsyncIterable<string>): Promise<void> {
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      for await (const text of lines) await file.write(text);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw unusable(path, 'written', error);
  }
}

/** Of failures of the file system only; others are told by whoever knows them. */
function unusable(path: string, done: 'made' | 'read' | 'written', error: unknown): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return error;
  return new StartupError(`${path} cannot be ${done} (${code}).`, EXIT_CODE.inputOutput);
}
