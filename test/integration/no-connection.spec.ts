import { DataSource, type QueryRunner } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { QueueCommit } from '../../src/executions/async/queue-commit';
import { ExecutionTracker } from '../../src/executions/execution-tracker';
import type { ExecutionStart } from '../../src/executions/ledger/ledger-rows';
import { ExecutionStarts } from '../../src/executions/ledger/execution-starts';
import { expectProblem } from '../support/problem-of';
import { TestApp } from '../support/test-app';

const CONNECTIONS = 20;

describe('a start for which no connection is free', () => {
  let app: TestApp;
  let busy: QueryRunner[];

  beforeAll(async () => {
    app = await TestApp.start();
  });

  afterAll(async () => {
    await app.close();
  });

  const get = <T>(type: abstract new (...values: never[]) => T): T =>
    app.app.get(type, { strict: false });

  beforeEach(async () => {
    busy = Array.from({ length: CONNECTIONS }, () => get(DataSource).createQueryRunner());
    await Promise.all(busy.map((connection) => connection.connect()));
  });

  afterEach(async () => {
    for (const connection of busy) await connection.release();
  });

  const start = (mode: ExecutionStart['mode']): ExecutionStart => ({
    ...{ id: uuidv7(), workspaceId: app.workspaceId, agentId: 'agent', mode, timeoutMs: 1_000 },
    ...{ provider: 'echo', model: 'echo', apiKeyId: null, metadata: null, request: null },
    idempotency: null,
  });

  it.each(['sync', 'async'] as const)('is told as not written: %s', async (mode) => {
    const input = start(mode);
    const begin = async () => {
      if (mode === 'async') return get(QueueCommit).commit(input);
      return get(ExecutionTracker).startExecution(input, null as never);
    };
    await expect(begin()).rejects.toMatchObject({ code: 'ledger_unavailable' });
    expect(get(ExecutionStarts).has(input.id)).toBe(false);
  });

  it.each(['sync', 'stream', 'async'] as const)('is told so to its client: %s', async (mode) => {
    const request = app.request('post', app.path('executions'));
    if (mode === 'async') void request.set('Prefer', 'respond-async');
    const messages = [{ role: 'user', content: 'Hello' }];
    const body = { agentId: 'agent', provider: 'echo', model: 'echo', messages };
    const refused = await request.send({ ...body, stream: mode === 'stream' || undefined });
    expectProblem(refused, 'ledger_unavailable');
    expect(refused.headers['retry-after']).toBe('2');
    const rows = await app.database.dataSource.query('SELECT FROM agent_executions');
    expect(rows).toEqual([]);
  });

  it('is still told not_ready by what starts nothing', async () => {
    expectProblem(await app.request('get', app.path('executions')), 'not_ready');
  });
});
