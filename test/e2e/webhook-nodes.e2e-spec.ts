import { v7 as uuidv7 } from 'uuid';
import { type SavedWebhook, WebhookBench } from '../support/webhook-bench';

const MINUTE = 60_000;

interface Claimed {
  readonly id: string;
  readonly leaseId: string;
}

describe('the queue of deliveries', () => {
  let bench: WebhookBench;
  let workspaceId: string;
  let webhook: SavedWebhook;

  beforeAll(async () => {
    bench = await WebhookBench.start();
  });

  afterAll(async () => {
    await bench.close();
  });

  beforeEach(async () => {
    workspaceId = await bench.createWorkspace();
    webhook = await bench.save({}, workspaceId);
    bench.receiver.events.length = 0;
  });

  /** What one test left in the queue must not come to the next. */
  afterEach(async () => {
    await owner().query('DELETE FROM webhooks');
  });

  const run = () => bench.run('echo', workspaceId);
  const deliveries = () => bench.deliveries(webhook.id, workspaceId);
  /** As the owner of the tables, whom only triggers and constraints bind. */
  const owner = () => bench.app.database.dataSource;

  const INSERT = `
    INSERT INTO webhook_deliveries (id, workspace_id, webhook_id, execution_id, event, data, occurred_at,
      next_attempt_at, created_at)
    VALUES ($1, $2, $3, $4, 'execution.completed', '{}', now(), now(), now())`;

  /** Queued and claimed in one transaction by a node that dies at once: nobody else saw it before. */
  const claimAndDie = async (executionId = uuidv7()): Promise<Claimed> =>
    owner().transaction(async (manager) => {
      await manager.query(INSERT, [uuidv7(), workspaceId, webhook.id, executionId]);
      const [claimed] = await manager.query<Claimed[]>(
        `SELECT id, lease_id AS "leaseId" FROM claim_webhook_deliveries(1, 4, 60000, $1)`,
        [bench.clock.aheadMs()],
      );
      return claimed!;
    });

  const finish = ({ id, leaseId }: Claimed, verdict: string) =>
    owner().query(`SELECT finish_webhook_attempt($1, $2, $3, '{"latencyMs": 1}', 0)`, [
      id,
      leaseId,
      verdict,
    ]);

  it('is worked off by two nodes, each event by one of them', async () => {
    const other = await bench.startNode();
    const executionIds: string[] = [];
    for (let count = 0; count < 30; count += 1) executionIds.push(await run());
    for (let round = 0; round < 2; round += 1) {
      await Promise.all([bench.deliverDue(), bench.deliverDue(other)]);
    }
    await other.close();
    const { events } = bench.receiver;
    expect(events.map(({ body }) => body.data.id).sort()).toEqual(executionIds.sort());
    expect(new Set(events.map(({ id }) => id)).size).toBe(30);
    expect((await deliveries()).every(({ attempts }) => attempts.length === 1)).toBe(true);
  });

  it('takes over from a node that died, once its lease has run out', async () => {
    const { id } = await claimAndDie();
    await bench.deliverDue();
    bench.clock.advance(MINUTE - 10_000);
    await bench.deliverDue();
    expect(bench.receiver.events).toEqual([]);
    bench.clock.advance(20_000);
    await bench.deliverDue();
    expect(bench.receiver.accepted.map((event) => event.id)).toEqual([id]);
  });

  it('lets a node that lost its lease record its attempt and decide nothing but a success', async () => {
    const late = await claimAndDie();
    bench.clock.advance(2 * MINUTE);
    bench.receiver.answer(500);
    await bench.deliverDue();
    const [before] = await deliveries();
    await finish(late, 'failed');
    const [failed] = await deliveries();
    expect(failed).toMatchObject({ status: 'pending', nextAttemptAt: before!.nextAttemptAt });
    await finish(late, 'delivered');
    const [delivered] = await deliveries();
    expect(delivered).toMatchObject({ status: 'delivered', nextAttemptAt: null });
    expect(delivered!.attempts.map(({ number }) => number)).toEqual([1, 2, 3]);
  });

  it('keeps the order of the events of one execution', async () => {
    const executionId = uuidv7();
    const first = await claimAndDie(executionId);
    const second = uuidv7();
    await owner().query(INSERT, [second, workspaceId, webhook.id, executionId]);
    await bench.deliverDue();
    expect(bench.receiver.events).toEqual([]);
    await finish(first, 'delivered');
    await bench.deliverDue();
    expect(bench.receiver.accepted.map(({ id }) => id)).toEqual([second]);
  });

  it('does not redrive what is being sent', async () => {
    const { id } = await claimAndDie();
    const path = `webhooks/${webhook.id}/deliveries/${id}/redrive`;
    await bench.app.request('post', bench.app.path(path, workspaceId)).expect(409);
    await bench.app
      .request('post', bench.app.path(path.replace(id, uuidv7()), workspaceId))
      .expect(404);
  });

  describe('is filled', () => {
    const START = `
      INSERT INTO agent_executions (id, workspace_id, agent_id, provider, model, status, created_at, started_at,
        deadline_at, owner_id) VALUES ($1, $2, 'a', 'echo', 'echo', 'running', now(), now(), now(), $1)`;
    const END = `
      UPDATE agent_executions SET status = $2, completed_at = now(), owner_id = NULL, input_tokens = 1,
        output_tokens = 1, usage_source = 'provider' WHERE id = $1`;

    const start = async () => {
      const id = uuidv7();
      await owner().query(START, [id, workspaceId]);
      return id;
    };

    it('with the end of the execution, or not at all', async () => {
      const id = await start();
      const cancelled = owner().transaction(async (manager) => {
        await manager.query(END, [id, 'cancelled']);
        throw new Error('the transaction fails');
      });
      await expect(cancelled).rejects.toThrow('the transaction fails');
      expect(await deliveries()).toEqual([]);
      await owner().query(END, [id, 'cancelled']);
      await bench.deliverDue();
      expect(bench.receiver.events.map(({ body }) => [body.type, body.data.status])).toEqual([
        ['execution.cancelled', 'cancelled'],
      ]);
    });

    it('by an end that nobody can take back: a webhook deleted at the same time goes first', async () => {
      const id = await start();
      const deleting = owner().createQueryRunner();
      await deleting.startTransaction();
      await deleting.query('DELETE FROM webhooks WHERE id = $1', [webhook.id]);
      const ended = owner().query(END, [id, 'cancelled']);
      const isWaiting = async () => {
        const [row] = await owner().query<[{ waits: boolean }]>(
          `SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted) AS waits`,
        );
        return row.waits;
      };
      while (!(await isWaiting()));
      await deleting.commitTransaction();
      await deleting.release();
      await ended;
      const [row] = await owner().query<[{ status: string }]>(
        'SELECT status FROM agent_executions WHERE id = $1',
        [id],
      );
      expect(row.status).toBe('cancelled');
    });

    it('by an interruption as a failure, and once more when a late answer completes it', async () => {
      const id = await start();
      for (const status of ['interrupted', 'completed']) await owner().query(END, [id, status]);
      const other = await start();
      for (const status of ['interrupted', 'failed']) await owner().query(END, [other, status]);
      await bench.deliverDue();
      const told = (wanted: string) =>
        bench.receiver.events
          .filter(({ body }) => body.data.id === wanted)
          .map(({ body }) => [body.type, body.data.status]);
      expect(told(id)).toEqual([
        ['execution.failed', 'failed'],
        ['execution.completed', 'completed'],
      ]);
      expect(told(other)).toEqual([['execution.failed', 'failed']]);
    });

    it('on every partition, also on one that is made later', async () => {
      await owner().query('SELECT ensure_execution_partitions(6)');
      const rows = await owner().query<{ partition: string; triggers: number }[]>(`
        SELECT relname AS partition, count(tgname)::integer AS triggers FROM pg_class
          LEFT JOIN pg_trigger ON tgrelid = pg_class.oid AND tgname = 'agent_executions_webhooks'
         WHERE relispartition AND relkind = 'r' AND relname LIKE 'agent_executions%' GROUP BY relname`);
      expect(rows).toHaveLength(8);
      expect(rows.filter(({ triggers }) => triggers !== 1)).toEqual([]);
    });
  });

  it('goes with its webhook and with its workspace, whatever is under way', async () => {
    for (const path of [
      bench.app.path(`webhooks/${webhook.id}`, workspaceId),
      `/api/workspaces/${workspaceId}`,
    ]) {
      if (!path.includes('webhooks')) await bench.save({}, workspaceId);
      bench.receiver.events.length = 0;
      let release = () => undefined as unknown;
      bench.receiver.answer((response) => {
        release = () => response.writeHead(500).end();
      });
      await run();
      await bench.receiver.untilRequests(1);
      await bench.app.request('delete', path).expect(204);
      release();
      bench.clock.advance(10 * MINUTE);
      await bench.deliverDue();
      expect(bench.receiver.events).toHaveLength(1);
    }
    for (const table of ['webhooks', 'webhook_secrets', 'webhook_deliveries', 'webhook_attempts']) {
      const rows = await owner().query(`SELECT 1 FROM ${table} WHERE workspace_id = $1`, [
        workspaceId,
      ]);
      expect([table, rows]).toEqual([table, []]);
    }
  });

  it('outlives a month only if it still waits', async () => {
    await run();
    bench.receiver.answer(200, 500);
    await bench.deliverDue();
    await run();
    await bench.deliverDue();
    const forget = (days: number) =>
      owner().query('SELECT forget_webhook_deliveries($1, $2)', [days, bench.clock.aheadMs()]);
    const statuses = async () => (await deliveries()).map(({ status }) => status);
    await forget(30);
    expect(await statuses()).toEqual(['pending', 'delivered']);
    await forget(-1);
    expect(await statuses()).toEqual(['pending']);
    await owner().query('UPDATE webhooks SET enabled = false WHERE id = $1', [webhook.id]);
    await forget(-1);
    expect(await statuses()).toEqual([]);
  });
});

describe('a server that stops', () => {
  it('cuts off a receiver that does not answer, and the next node repeats it', async () => {
    const bench = await WebhookBench.start();
    const webhook = await bench.save();
    bench.receiver.answer(() => undefined);
    await bench.run();
    await bench.receiver.untilRequests(1);
    await bench.app.app.close();
    const next = await bench.startNode();
    await bench.deliverDue(next);
    const { events, accepted } = bench.receiver;
    expect(events.map(({ id }) => id)).toEqual([accepted[0]!.id, accepted[0]!.id]);
    const path = next.path(`webhooks/${webhook.id}/deliveries`);
    const { body } = await next.request('get', path).expect(200);
    expect(body.data).toMatchObject([
      {
        status: 'delivered',
        attempts: [{ errorCategory: 'interrupted' }, { responseStatus: 200 }],
      },
    ]);
    await next.close();
    await bench.close();
  });
});
