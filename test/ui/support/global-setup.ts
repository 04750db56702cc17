import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../../process/server-process';

/** The browser sees what users see: the built server with the built UI. */
export default function globalSetup(): void {
  const script = join(PROJECT_ROOT, 'scripts', 'build.mjs');
  const { status } = spawnSync(process.execPath, [script, '--if-stale'], { stdio: 'inherit' });
  if (status !== 0) throw new Error('the build failed');
}
