// The two statements of the ledger, alone, against two one-row inserts that commit as often.
import { createRequire } from 'node:module';
import { quantile } from '../support/statistics.mjs';

const require = createRequire(import.meta.url);
require('reflect-metadata');
const { DataSource } = require('typeorm');
const { v7: uuidv7 } = require('uuid');
const { createDataSource } = require('../../dist/ormconfig.js');
const { ExecutionLedger } = require('../../dist/src/executions/execution-ledger.js');
const { ExecutionTracker } = require('../../dist/src/executions/execution-tracker.js');

const RESULT = {
  output: { content: 'word '.repeat(200), toolCalls: [] },
  finishReason: 'stop',
  usage: {
    inputTokens: 120,
    outputTokens: 200,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
    source: 'provider',
  },
  cost: null,
  model: 'gpt-4o-mini-2024-07-18',
  providerRequestId: 'req_bench',
};

async function repeat(connections, durationMs, once) {
  const latencies = [];
  const startedAt = performance.now();
  const one = async () => {
    while (performance.now() - startedAt < durationMs) {
      const begunAt = performance.now();
      await once();
      latencies.push(performance.now() - begunAt);
    }
  };
  await Promise.all(Array.from({ length: connections }, one));
  const seconds = (performance.now() - startedAt) / 1_000;
  return { perSecond: latencies.length / seconds, p50: quantile(latencies, 0.5) };
}

async function measure({ url, workspaceId, connections, rounds, durationMs }) {
  const { options } = createDataSource(url);
  const dataSource = await new DataSource({ ...options, poolSize: connections }).initialize();
  const tracker = new ExecutionTracker(new ExecutionLedger(dataSource));
  // The same connections, so that both fit beside those of the server.
  const pool = dataSource.driver.master;
  await pool.query('CREATE TABLE bench_rows (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY)');
  const target = { agentId: 'bench', provider: 'openai', model: 'gpt-4o-mini', apiKeyId: null };
  const start = { ...target, workspaceId, metadata: null, timeoutMs: 60_000 };
  const execution = async () => {
    const running = await tracker.startExecution({ id: uuidv7(), ...start });
    await tracker.completeExecution(running, RESULT);
  };
  const bare = async () => {
    await pool.query('INSERT INTO bench_rows DEFAULT VALUES');
    await pool.query('INSERT INTO bench_rows DEFAULT VALUES');
  };
  try {
    const results = { ledger: [], bare: [] };
    await repeat(connections, durationMs / 2, execution);
    await repeat(connections, durationMs / 2, bare);
    for (let round = 0; round < rounds; round += 1) {
      results.ledger.push(await repeat(connections, durationMs, execution));
      results.bare.push(await repeat(connections, durationMs, bare));
    }
    const [{ server_version: version }] = (await pool.query('SHOW server_version')).rows;
    return { ...results, version };
  } finally {
    await pool.query('DROP TABLE bench_rows');
    await dataSource.destroy();
  }
}

process.on('message', async (request) => process.send(await measure(request)));
process.once('disconnect', () => process.exit());
