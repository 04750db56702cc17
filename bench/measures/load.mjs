import { ask } from '../support/owned-process.mjs';
import { cpuMicroseconds, descendantMicroseconds } from '../support/process-facts.mjs';
import { medians } from '../support/statistics.mjs';
import { figure, printTable } from '../support/table.mjs';

const ROUNDS = 5;
const DURATION_MS = 500;
const CONCURRENCIES = [1, 16, 64];
const CONVERSATION = [
  { role: 'system', content: 'You are a helpful assistant that answers briefly.' },
  { role: 'user', content: 'Summarise this page. '.repeat(8) },
  { role: 'assistant', content: 'It describes a self-hosted service. '.repeat(4) },
  { role: 'user', content: 'Now in one sentence.' },
];

/** The body that a client of the provider sends. */
export const DIRECT_BODY = JSON.stringify({ model: 'gpt-4o-mini', messages: CONVERSATION });

/** What the load is sent to: the server, with or without an upstream behind it, and that upstream directly. */
export async function prepareTargets(server, upstreamHost) {
  return [
    toTarget(server, 'echo', { provider: 'echo', model: 'echo' }),
    await prepareTarget(server, upstreamHost, '/v1', 'openai, 0 ms'),
    await prepareTarget(server, upstreamHost, '/delay-50/v1', 'openai, 50 ms'),
  ];
}

/** One with the upstream behind it, which finds under the path how it shall answer. */
export async function prepareTarget(server, upstreamHost, path, label = path) {
  const keys = `/api/workspaces/${server.workspaceId}/api-keys`;
  const { id } = await server.request('POST', keys, {
    provider: 'openai',
    apiKey: 'sk-bench-0000000000000000',
    baseUrl: `http://${upstreamHost}${path}`,
  });
  const run = { provider: 'openai', model: 'gpt-4o-mini', apiKeyId: id };
  return toTarget(server, label, run, {
    origin: `http://${upstreamHost}`,
    path: `${path}/chat/completions`,
    status: 200,
    headers: { 'content-type': 'application/json', authorization: 'Bearer sk-bench' },
    body: DIRECT_BODY,
  });
}

function toTarget(server, label, run, direct = null) {
  const through = {
    origin: server.baseUrl,
    path: `/api/workspaces/${server.workspaceId}/executions`,
    status: 201,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${server.token}` },
    body: JSON.stringify({ agentId: 'bench', messages: CONVERSATION, ...run }),
  };
  return { label, through, direct };
}

/** The same, asked for in pieces, and by what the first piece and the end are known. */
export function streamed({ through, direct }) {
  const asStream = (body) => JSON.stringify({ ...JSON.parse(body), stream: true });
  return {
    through: {
      ...through,
      ...{ status: 200, body: asStream(through.body) },
      ...{ firstPiece: 'event: delta', end: 'event: done' },
    },
    direct: {
      ...direct,
      body: asStream(direct.body),
      ...{ firstPiece: '"content":"word"', end: '[DONE]' },
    },
  };
}

/** Executions through the whole server, beside the same client calling the upstream itself. */
export async function measureLoad(server, client, targets) {
  const cells = targets.flatMap((target) =>
    CONCURRENCIES.map((concurrency) => ({ ...target, concurrency, rounds: [] })),
  );
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const cell of cells) cell.rounds.push(await measureRound(server, client, cell, round));
  }
  printTable(
    `Executions through the whole server, ledger included (medians of ${ROUNDS} interleaved rounds of ${DURATION_MS} ms)`,
    [
      'provider, concurrent',
      'executions/s',
      'direct calls/s',
      'p50',
      'p99',
      'added p50',
      'added p99',
      'server CPU',
      'PostgreSQL CPU',
    ],
    cells.map(toRow),
  );
  return cells.reduce(
    (sum, { rounds }) => sum + rounds.reduce((n, { failed }) => n + failed, 0),
    0,
  );
}

async function measureRound(server, client, { through, direct, concurrency }, round) {
  const run = (target) => ask(client, { ...target, concurrency, durationMs: DURATION_MS });
  const runDirect = async () => (direct === null ? null : await run(direct));
  const early = round % 2 === 0 ? await runDirect() : null;
  const { pid } = server;
  const before = [cpuMicroseconds(pid), descendantMicroseconds(pid)];
  const own = await run(through);
  const after = [cpuMicroseconds(pid), descendantMicroseconds(pid)];
  const bare = early ?? (await runDirect());
  return {
    perSecond: own.perSecond,
    p50: own.p50,
    p99: own.p99,
    failed: own.failed + (bare?.failed ?? 0),
    directPerSecond: bare?.perSecond ?? NaN,
    addedP50: own.p50 - (bare?.p50 ?? NaN),
    addedP99: own.p99 - (bare?.p99 ?? NaN),
    serverCpu: (after[0] - before[0]) / own.count,
    databaseCpu: (after[1] - before[1]) / own.count,
  };
}

function toRow({ label, concurrency, rounds }) {
  const result = medians(rounds);
  return [
    `${label}, ${concurrency}`,
    figure(result.perSecond),
    figure(result.directPerSecond),
    figure(result.p50, ' ms'),
    figure(result.p99, ' ms'),
    figure(result.addedP50, ' ms'),
    figure(result.addedP99, ' ms'),
    figure(result.serverCpu, ' µs'),
    figure(result.databaseCpu, ' µs'),
  ];
}
