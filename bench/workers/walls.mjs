// Re-wrapping of data keys, and row-level security against the same statements without it, in a database of their own.
import { createRequire } from 'node:module';
import { quantile } from '../support/statistics.mjs';

const require = createRequire(import.meta.url);
require('reflect-metadata');
const { Client } = require('pg');
const { DataSource } = require('typeorm');
const { v7: uuidv7 } = require('uuid');
const { createDataSource } = require('../../dist/ormconfig.js');
const { Secret } = require('../../dist/src/common/index.js');
const {
  openDatabase,
  openMaintenanceDatabase,
  TenantDatabase,
} = require('../../dist/src/database/index.js');
const {
  generateRootKey,
  LocalKeyEncryption,
  parseRootKey,
  RootKeyRewrap,
} = require('../../dist/src/crypto/index.js');
const { RotationStore } = require('../../dist/src/crypto/rotation/index.js');

const NAME = 'keyrun_bench_walls';
const READ = 'SELECT id, name, updated_at FROM workspaces WHERE id = $1';
const WRITE = 'UPDATE workspaces SET updated_at = now() WHERE id = $1';

async function withDatabase(url, work) {
  const maintenance = new Client({ connectionString: url });
  await maintenance.connect();
  const own = new URL(url);
  own.pathname = `/${NAME}`;
  try {
    await maintenance.query(`CREATE DATABASE ${NAME}`);
    return await work(own.href);
  } finally {
    await maintenance.query(`DROP DATABASE IF EXISTS ${NAME} WITH (FORCE)`);
    await maintenance.end();
  }
}

/** As many workspaces, each with a data key under the old root key. */
async function fill(dataSource, rootKey, count) {
  const encryption = new LocalKeyEncryption(rootKey);
  const ids = Array.from({ length: count }, () => uuidv7());
  const rows = await Promise.all(
    ids.map(async (workspaceId) => {
      const dataKeyId = uuidv7();
      const wrapped = await encryption.wrap(Buffer.alloc(32, 7), { workspaceId, dataKeyId });
      return { dataKeyId, wrapped };
    }),
  );
  await dataSource.query(
    `INSERT INTO workspaces (id, name) SELECT id, 'Bench' FROM unnest($1::uuid[]) id`,
    [ids],
  );
  await dataSource.query(
    `INSERT INTO workspace_data_keys (id, workspace_id, state, root_key_id, wrapped)
       SELECT id, workspace_id, 'active', $4, wrapped
         FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS row (id, workspace_id, wrapped)`,
    [rows.map((row) => row.dataKeyId), ids, rows.map((row) => row.wrapped), rootKey.id],
  );
  return ids;
}

async function measureRewrap(url, owner, { dataKeys, rounds }) {
  let rootKey = parseRootKey(generateRootKey(), 'bench');
  const [workspaceId] = await fill(owner, rootKey, dataKeys);
  const definer = await openMaintenanceDatabase(new Secret(url));
  const results = [];
  try {
    for (let round = 0; round < rounds; round += 1) {
      const next = parseRootKey(generateRootKey(), 'bench');
      const store = new RotationStore(definer, new TenantDatabase(definer));
      const rewrap = new RootKeyRewrap(new LocalKeyEncryption(next, [rootKey]), store);
      const startedAt = performance.now();
      const { rewrapped } = await rewrap.run();
      if (rewrapped !== dataKeys) throw new Error('not every data key was re-wrapped');
      results.push({ perSecond: rewrapped / ((performance.now() - startedAt) / 1_000) });
      rootKey = next;
    }
  } finally {
    await definer.destroy();
  }
  return { workspaceId, results };
}

/** Round trips of one call, and its time beside that of the other way; in turns, so that both have the same weather. */
async function measureWall(url, owner, workspaceId, { pairs }) {
  const runtime = await openDatabase(new Secret(url));
  const tenants = new TenantDatabase(runtime);
  const ways = {
    'read, behind the wall': () =>
      tenants.read(workspaceId, (manager) => manager.query(READ, [workspaceId])),
    'read, bare': () => owner.query(READ, [workspaceId]),
    'write, behind the wall': () =>
      tenants.write(workspaceId, (manager) => manager.query(WRITE, [workspaceId])),
    'write, bare': () => owner.query(WRITE, [workspaceId]),
  };
  const times = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
  try {
    for (let pair = -pairs / 10; pair < pairs; pair += 1) {
      for (const [name, call] of Object.entries(ways)) {
        const startedAt = performance.now();
        await call();
        if (pair >= 0) times[name].push(performance.now() - startedAt);
      }
    }
    const rows = [];
    for (const [name, call] of Object.entries(ways)) {
      const p50 = quantile(times[name], 0.5);
      rows.push({
        name,
        roundTrips: await roundTripsOf(call),
        p50,
        p99: quantile(times[name], 0.99),
      });
    }
    return rows;
  } finally {
    await runtime.destroy();
  }
}

/** A read ends its transaction behind the answer: that round trip is counted, and nobody waits for it. */
async function roundTripsOf(call) {
  const { query } = Client.prototype;
  let count = 0;
  Client.prototype.query = function counted(...parameters) {
    count += 1;
    return query.apply(this, parameters);
  };
  try {
    await call();
    await new Promise((resolve) => setTimeout(resolve, 50));
    return count;
  } finally {
    Client.prototype.query = query;
  }
}

process.once('message', async (request) => {
  const answer = await withDatabase(request.url, async (url) => {
    const migrated = await openDatabase(new Secret(url));
    await migrated.destroy();
    const { options } = createDataSource(url);
    const owner = await new DataSource(options).initialize();
    try {
      const { workspaceId, results } = await measureRewrap(url, owner, request);
      return { rewrap: results, wall: await measureWall(url, owner, workspaceId, request) };
    } finally {
      await owner.destroy();
    }
  });
  process.send(answer);
});
process.once('disconnect', () => process.exit());
