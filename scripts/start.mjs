// npm start: builds what is missing or stale, then becomes the server.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isUiStale } from './build-ui.mjs';
import { buildAll, isStale, root } from './build.mjs';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  console.error(
    `keyrun: Node ${process.versions.node} is too old. On Linux, npm ci installs Node 24 with the project (not with --omit=optional); elsewhere install Node 24.9 or later.`,
  );
  process.exit(78);
}
if (isStale() || isUiStale()) {
  console.log('keyrun: building (a few seconds, only after a change)');
  await buildAll({ ifStale: true });
}
await import(pathToFileURL(join(root, 'dist', 'src', 'main.js')).href);
