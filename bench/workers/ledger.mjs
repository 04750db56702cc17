// The ledger of dist/ alone, with its group commit, against two one-row inserts that commit as often.
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { withOwnDatabase } from '../support/own-database.mjs';
import { quantile } from '../support/statistics.mjs';

const require = createRequire(import.meta.url);
require('reflect-metadata');
const { v7: uuidv7 } = require('uuid');
const { createDataSource } = require('../../dist/ormconfig.js');
const { Secret } = require('../../dist/src/common');
const { openDatabase, PreparedStatements } = require('../../dist/src/database');
const { ExecutionLedger } = require('../../dist/src/executions/ledger/execution-ledger.js');
const { settlementRow } = require('../../dist/src/executions/ledger/ledger-rows.js');

/** About what a short conversation and its answer take when they are sealed. */
const SEALED = randomBytes(1024);
const USAGE = {
  inputTokens: 120,
  outputTokens: 200,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  reasoningTokens: 0,
  source: 'provider',
};
const PRICE = {
  catalogue: 'bench',
  model: 'gpt-4o-mini',
  inputNanoUsdPerMillion: '150000000',
  outputNanoUsdPerMillion: '600000000',
};
const OUTCOME = {
  errorCategory: null,
  billed: 'yes',
  upstreamStatus: null,
  upstreamCode: null,
  providerRequestId: 'req_bench',
  model: 'gpt-4o-mini-2024-07-18',
  usage: USAGE,
  costNanoUsd: 138_000n,
  price: PRICE,
  latencyMs: 800,
  waitMs: null,
};

async function repeat(concurrency, durationMs, once) {
  const latencies = [];
  const startedAt = performance.now();
  const one = async () => {
    while (performance.now() - startedAt < durationMs) {
      const begunAt = performance.now();
      await once();
      latencies.push(performance.now() - begunAt);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, one));
  const seconds = (performance.now() - startedAt) / 1_000;
  const count = latencies.length;
  return { count, perSecond: count / seconds, p50: quantile(latencies, 0.5) };
}

function startOf(id, workspaceId) {
  return {
    ...{ id, workspaceId, agentId: 'bench', provider: 'openai', model: 'gpt-4o-mini' },
    ...{ apiKeyId: null, metadata: null, timeoutMs: 60_000, mode: 'sync' },
    ...{ request: SEALED, idempotency: null },
  };
}

function settlementOf(startedAt) {
  return {
    ...{ status: 'completed', outcome: OUTCOME, finishReason: 'stop', error: null },
    totals: { usage: USAGE, costNanoUsd: OUTCOME.costNanoUsd },
    ...{ output: null, sealedOutput: SEALED, timeToFirstTokenMs: null },
    ...{ completedAt: new Date(startedAt.getTime() + 800), latencyMs: 800 },
  };
}

/** Counts what is sent to the database, so that it can be divided by the executions. */
function counting(dataSource) {
  const counted = { statements: 0 };
  const statements = new PreparedStatements(dataSource);
  counted.database = {
    run: (...parameters) => {
      counted.statements += 1;
      return statements.run(...parameters);
    },
  };
  return counted;
}

function ledgerWork(dataSource, workspaceId) {
  const counted = counting(dataSource);
  const environment = { storeContent: 'full', idempotencyHours: 24 };
  const ledger = new ExecutionLedger(counted.database, environment, { id: uuidv7() });
  const execution = async () => {
    const id = uuidv7();
    const { startedAt } = await ledger.start(startOf(id, workspaceId));
    const key = { executionId: id, workspaceId, attemptNumber: 1, fence: 1 };
    const isSettled = await ledger.settle(settlementRow(key, settlementOf(startedAt)));
    if (!isSettled) throw new Error('an execution was not settled');
  };
  return { execution, counted };
}

async function measureRounds({ runtime, owner, rounds, durationMs, concurrency }, workspaceId) {
  const { execution, counted } = ledgerWork(runtime, workspaceId);
  // As many connections as the ledger may use.
  const bare = async () => {
    await owner.query('INSERT INTO bench_rows DEFAULT VALUES');
    await owner.query('INSERT INTO bench_rows DEFAULT VALUES');
  };
  const results = { ledger: [], bare: [] };
  await repeat(concurrency, durationMs / 2, execution);
  await repeat(concurrency, durationMs / 2, bare);
  for (let round = 0; round < rounds; round += 1) {
    const before = counted.statements;
    const measured = await repeat(concurrency, durationMs, execution);
    const roundTrips = (counted.statements - before) / measured.count;
    results.ledger.push({ ...measured, roundTrips });
    results.bare.push(await repeat(concurrency, durationMs, bare));
  }
  return results;
}

async function measure({ url, ...request }) {
  return withOwnDatabase(url, 'bench_ledger', async (own) => {
    const runtime = await openDatabase(new Secret(own));
    const owner = await createDataSource(own).initialize();
    try {
      const workspaceId = uuidv7();
      await owner.query('INSERT INTO workspaces (id, name) VALUES ($1, $2)', [
        workspaceId,
        'bench',
      ]);
      await owner.query(
        'CREATE TABLE bench_rows (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY)',
      );
      const results = await measureRounds({ runtime, owner, ...request }, workspaceId);
      const [{ server_version: version }] = await owner.query('SHOW server_version');
      return { ...results, version };
    } finally {
      await owner.destroy();
      await runtime.destroy();
    }
  });
}

process.on('message', async (request) => process.send(await measure(request)));
process.once('disconnect', () => process.exit());
