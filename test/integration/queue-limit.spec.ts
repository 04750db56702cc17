import { DataSource, type EntityManager, type QueryRunner } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { AppError } from '../../src/common';
import { ExecutionQueue } from '../../src/queue';
import { QueueCommit } from '../../src/executions/async/queue-commit';
import type { ExecutionStart } from '../../src/executions/ledger/ledger-rows';
import { LedgerBench, type LedgerServer } from '../support/ledger-bench';
import { TestApp } from '../support/test-app';

describe('the room in the queue of a workspace', () => {
  let bench: LedgerBench;
  let server: LedgerServer;
  let connections: number;
  const open: QueryRunner[] = [];

  beforeEach(async () => {
    bench = await LedgerBench.start();
    server = await bench.server();
    const [row] =
      await bench.database.runtime.query<{ max_connections: string }[]>('SHOW max_connections');
    connections = Number(row!.max_connections);
  });

  afterEach(async () => {
    for (const runner of open.splice(0)) {
      if (runner.isTransactionActive) await runner.rollbackTransaction();
      await runner.release();
    }
    await bench.close();
  });

  const begin = async () => {
    const runner = bench.database.runtime.createQueryRunner();
    open.push(runner);
    await runner.startTransaction();
    return runner;
  };
  const enter = async ({ manager }: { manager: EntityManager }, most: number) => {
    const [row] = await manager.query<{ room: boolean }[]>('SELECT enter_queue($1, $2) AS room', [
      bench.workspaceId,
      most,
    ]);
    return row!.room;
  };
  const start = (): ExecutionStart => ({
    ...{ id: uuidv7(), workspaceId: bench.workspaceId, agentId: 'agent', mode: 'async' },
    ...{ provider: 'echo', model: 'echo', apiKeyId: null, metadata: null, timeoutMs: 60_000 },
    ...{ request: Buffer.alloc(60, 1), idempotency: null },
  });
  const queue = ({ manager }: QueryRunner) => server.ledger.startWithin(manager, start());

  it('is found out by one after the other when there is little', async () => {
    const [first, second] = [await begin(), await begin()];
    expect(await enter(first, 1)).toBe(true);
    const waits = enter(second, 1);
    await bench.untilSomeoneWaits();
    await queue(first);
    await first.commitTransaction();
    expect(await waits).toBe(false);
  });

  it('is there again when the first gives up', async () => {
    const [first, second] = [await begin(), await begin()];
    await enter(first, 1);
    const waits = enter(second, 1);
    await bench.untilSomeoneWaits();
    await queue(first);
    await first.rollbackTransaction();
    expect(await waits).toBe(true);
  });

  it('is given to many at once while there is more than connections can fill', async () => {
    const runners = [await begin(), await begin(), await begin()];
    for (const runner of runners) {
      expect(await enter(runner, connections + 1)).toBe(true);
      await queue(runner);
    }
  });

  it('is not found out before those are done that shared it', async () => {
    const most = connections + 1;
    const sharing = await begin();
    expect(await enter(sharing, most)).toBe(true);
    await bench.start(server, { mode: 'async', request: Buffer.alloc(60, 1) });
    const alone = await begin();
    const waits = enter(alone, most);
    await bench.untilSomeoneWaits();
    await queue(sharing);
    await sharing.commitTransaction();
    expect(await waits).toBe(true);
  });

  it('of one workspace is none of the business of another', async () => {
    const [first, second] = [await begin(), await begin()];
    await enter(first, 1);
    const [row] = await second.manager.query<{ room: boolean }[]>(
      'SELECT enter_queue($1, 1) AS room',
      [uuidv7()],
    );
    expect(row!.room).toBe(true);
  });
});

describe('the queue of a workspace, full', () => {
  const MOST = 7;
  let app: TestApp;
  let node: TestApp;

  beforeAll(async () => {
    const variables = { KEYRUN_QUEUED_EXECUTIONS_PER_WORKSPACE: String(MOST) };
    app = await TestApp.start({ variables });
    node = await TestApp.start({ variables, nodeOf: app });
    for (const { app: one } of [app, node]) {
      await one.get(ExecutionQueue, { strict: false }).stopFetching();
    }
  });

  afterAll(async () => {
    await node.close();
    await app.close();
  });

  beforeEach(async () => {
    await app.database.dataSource.query('DELETE FROM agent_executions');
  });

  const start = (): ExecutionStart => ({
    ...{ id: uuidv7(), workspaceId: app.workspaceId, agentId: 'agent', mode: 'async' },
    ...{ provider: 'echo', model: 'echo', apiKeyId: null, metadata: null, timeoutMs: 60_000 },
    ...{ request: Buffer.alloc(60, 1), idempotency: null },
  });
  const stored = async () => {
    const rows = await app.database.dataSource.query<{ id: string }[]>(
      'SELECT id FROM agent_executions',
    );
    return rows.map(({ id }) => id);
  };
  const commit = (one = start()) => app.app.get(QueueCommit, { strict: false }).commit(one);
  /** The driver loses the connection once, before or after the transaction has taken place. */
  const loseConnection = (isCommitted: boolean) => {
    const dataSource = app.app.get(DataSource, { strict: false });
    const transaction = dataSource.transaction.bind(dataSource) as (work: unknown) => unknown;
    jest.spyOn(dataSource, 'transaction').mockImplementationOnce(async (work: unknown) => {
      if (isCommitted) await transaction(work);
      throw new Error('Connection terminated unexpectedly');
    });
  };

  it('does not refuse what has the last place already, whose answer was lost', async () => {
    for (let count = 1; count < MOST; count += 1) await commit();
    const last = start();
    loseConnection(true);
    await commit(last);
    expect(await stored()).toHaveLength(MOST);
    expect(await stored()).toContain(last.id);
  });

  it('refuses what is tried again and has no place', async () => {
    for (let count = 1; count <= MOST; count += 1) await commit();
    loseConnection(false);
    await expect(commit()).rejects.toMatchObject({ code: 'too_many_requests' });
    expect(await stored()).toHaveLength(MOST);
  });

  it('takes as many as may wait of those that come at the same moment at two servers', async () => {
    const commits = Array.from({ length: 60 }, (_, index) => {
      const queue = (index % 2 === 0 ? app : node).app.get(QueueCommit, { strict: false });
      return queue.commit(start()).then(
        () => 'queued',
        (error: unknown) => (error as AppError).code,
      );
    });
    const told = await Promise.all(commits);
    expect(told.filter((one) => one === 'queued')).toHaveLength(MOST);
    expect(told.filter((one) => one === 'too_many_requests')).toHaveLength(60 - MOST);
    expect(await stored()).toHaveLength(MOST);
  });
});
