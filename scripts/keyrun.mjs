// npm run keyrun -- …: builds what is missing or stale, then becomes the command line.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, isStale, root } from './build.mjs';

if (isStale()) {
  console.error('keyrun: building (a few seconds, only after a change)');
  build();
}
await import(pathToFileURL(join(root, 'dist', 'src', 'cli.js')).href);
