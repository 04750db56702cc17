// CryptoService on a real data key against the bare calls of node:crypto on the same bytes.
import {
  createDecipheriv,
  createHmac,
  createSecretKey,
  randomBytes,
  randomUUID,
} from 'node:crypto';
import { createRequire } from 'node:module';
import { quantile } from '../support/statistics.mjs';

const require = createRequire(import.meta.url);
require('reflect-metadata');
const {
  CryptoService,
  DataKeys,
  generateRootKey,
  LocalKeyEncryption,
  parseRootKey,
} = require('../../dist/src/crypto/index.js');
const { secretAssociatedData } = require('../../dist/src/crypto/sealing-context.js');
const { Secret } = require('../../dist/src/common/index.js');

const CALLS = 4_000;
const WARM_UP_CALLS = 4_000;
const PLAINTEXT = `sk-proj-${'a1B2c3D4'.repeat(20)}`;

/** The table of data keys, in memory: a warm call does not read it. */
class DataKeyTable {
  rows = [];
  async findActive(workspaceId) {
    return this.rows.find((row) => row.workspaceId === workspaceId) ?? null;
  }
  async findById(workspaceId, id) {
    return this.rows.find((row) => row.workspaceId === workspaceId && row.id === id) ?? null;
  }
  async insert(row) {
    this.rows.push(row);
    return true;
  }
}

async function timeOf(call, calls = CALLS) {
  const microseconds = new Float64Array(calls);
  for (let index = 0; index < calls; index += 1) {
    const startedAt = process.hrtime.bigint();
    await call();
    microseconds[index] = Number(process.hrtime.bigint() - startedAt) / 1_000;
  }
  return { p50: quantile(microseconds, 0.5), p99: quantile(microseconds, 0.99) };
}

function bareDecrypt(key, associatedData) {
  const options = { authTagLength: 16 };
  const iv = randomBytes(12);
  const { createCipheriv } = require('node:crypto');
  const cipher = createCipheriv('aes-256-gcm', key, iv, options).setAAD(associatedData);
  const ciphertext = Buffer.concat([cipher.update(PLAINTEXT, 'utf8'), cipher.final()]);
  const tag = cipher.getAuthTag();
  return () => {
    const decipher = createDecipheriv('aes-256-gcm', key, iv, options);
    decipher.setAAD(associatedData).setAuthTag(tag);
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('utf8');
  };
}

async function prepare() {
  const keyEncryption = new LocalKeyEncryption(parseRootKey(generateRootKey(), 'bench'));
  const table = new DataKeyTable();
  const dataKeys = new DataKeys(keyEncryption, table);
  const service = new CryptoService(dataKeys, keyEncryption, table);
  const context = {
    workspaceId: randomUUID(),
    rowId: randomUUID(),
    provider: 'openai',
    destination: 'preset:openai',
    field: 'api_key',
  };
  const dataKey = await dataKeys.create(context.workspaceId);
  await dataKeys.create(null);
  const plaintext = new Secret(PLAINTEXT);
  const envelope = await service.encryptApiKey(plaintext, context);
  const token = `kr_pat_${'a'.repeat(36)}`;
  const hmacKey = createSecretKey(randomBytes(32));
  return {
    decrypt: () => service.decryptApiKey(envelope, context),
    'bare createDecipheriv': bareDecrypt(dataKey.key, secretAssociatedData(context, dataKey.id)),
    encrypt: () => service.encryptApiKey(plaintext, context),
    'token digest': () => service.digestToken(token),
    'bare createHmac': () => createHmac('sha256', hmacKey).update(token, 'utf8').digest(),
  };
}

process.once('message', async ({ rounds }) => {
  const calls = Object.entries(await prepare());
  const results = Object.fromEntries(calls.map(([name]) => [name, []]));
  for (const [, call] of calls) await timeOf(call, WARM_UP_CALLS);
  for (let round = 0; round < rounds; round += 1) {
    const order = round % 2 === 0 ? calls : calls.toReversed();
    for (const [name, call] of order) results[name].push(await timeOf(call));
  }
  process.send(results);
});
process.once('disconnect', () => process.exit());
