// The embedded PostgreSQL without the server: what a start cannot be faster than.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
require('reflect-metadata');
const { EmbeddedPostgres } = require('../../dist/src/database/embedded/embedded-postgres.js');

process.once('message', async ({ dataDirectory }) => {
  const postgres = await EmbeddedPostgres.start({ dataDirectory });
  process.once('SIGTERM', async () => {
    await postgres.stop();
    process.exit();
  });
  process.send({ ready: true });
});
