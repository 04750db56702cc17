// npm run ui:client: writes web/openapi.json from the routes, and from it the typed client of the UI.
// node scripts/ui-client.mjs <document> <folder>: writes the client of that document there.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createClient } from '@hey-api/openapi-ts';
import { build, isStale, root } from './build.mjs';

const DOCUMENT = join(root, 'web', 'openapi.json');
const CLIENT = join(root, 'web', 'src', 'client');

const [document, folder] = process.argv.slice(2);
if (document === undefined) {
  if (isStale()) build();
  writeFileSync(DOCUMENT, `${JSON.stringify(await describeRoutes(), null, 2)}\n`);
}
const input = JSON.parse(readFileSync(document ?? DOCUMENT, 'utf8'));
const path = folder ?? CLIENT;
rmSync(path, { recursive: true, force: true });
await createClient({
  input: withNulls(input),
  output: { path },
  logs: { level: 'silent' },
  plugins: [
    '@hey-api/typescript',
    { name: '@hey-api/client-fetch', throwOnError: true },
    { name: '@hey-api/sdk', operations: { strategy: 'flat' } },
  ],
});

/** The generator forgets that a choice may be null, unless null is one of the choices. */
function withNulls(node) {
  if (typeof node !== 'object' || node === null) return node;
  if (Array.isArray(node)) return node.map(withNulls);
  const copy = Object.fromEntries(
    Object.entries(node).map(([name, value]) => [name, withNulls(value)]),
  );
  return copy.nullable === true && Array.isArray(copy.enum)
    ? { ...copy, enum: [...copy.enum, null] }
    : copy;
}

/** Nest's preview makes nothing but the description: no database and no key are needed. */
async function describeRoutes() {
  const require = createRequire(join(root, 'dist', 'ormconfig.js'));
  const { NestFactory } = require('@nestjs/core');
  const { AppModule } = require('./src/app.module');
  const { createOpenApiDocument, setRoutePrefix } = require('./src/app.setup');
  const { Environment } = require('./src/config');
  const app = await NestFactory.create(
    AppModule.register({
      environment: Environment.parse({}),
      dataSource: { options: {}, entityMetadatas: [] },
      keyEncryption: {},
    }),
    { preview: true, logger: ['error'], abortOnError: false },
  );
  setRoutePrefix(app);
  return createOpenApiDocument(app);
}
