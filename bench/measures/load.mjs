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
  const save = (path) =>
    server.request('POST', `/api/workspaces/${server.workspaceId}/api-keys`, {
      provider: 'openai',
      apiKey: 'sk-bench-0000000000000000',
      baseUrl: `http://${upstreamHost}${path}`,
    });
  const target = (label, run, directPath) => ({
    label,
    through: {
      origin: server.baseUrl,
      path: `/api/workspaces/${server.workspaceId}/executions`,
      status: 201,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${server.token}` },
      body: JSON.stringify({ agentId: 'bench', messages: CONVERSATION, ...run }),
    },
    direct: directPath && {
      origin: `http://${upstreamHost}`,
      path: `${directPath}/chat/completions`,
      status: 200,
      headers: { 'content-type': 'application/json', authorization: 'Bearer sk-bench' },
      body: DIRECT_BODY,
    },
  });
  const openai = async (path) => {
    const { id } = await save(path);
    return { provider: 'openai', model: 'gpt-4o-mini', apiKeyId: id };
  };
  return [
    target('echo', { provider: 'echo', model: 'echo' }, null),
    target('openai, 0 ms', await openai('/v1'), '/v1'),
    target('openai, 50 ms', await openai('/delay-50/v1'), '/delay-50/v1'),
  ];
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
