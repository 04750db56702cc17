import { rename, rm, writeFile } from 'node:fs/promises';

/** Writes a file that only its owner may read, replacing it in one step. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const draft = `${path}.draft`;
  await rm(draft, { force: true });
  await writeFile(draft, text, { mode: 0o600, flag: 'wx' });
  await rename(draft, path);
}
