import { expectProblem } from '../support/problem-of';
import type { TestApp } from '../support/test-app';
import { WebhookBench } from '../support/webhook-bench';

describe('the log of a webhook', () => {
  let bench: WebhookBench;
  let app: TestApp;
  let workspaceId: string;

  beforeAll(async () => {
    bench = await WebhookBench.start();
    ({ app } = bench);
    workspaceId = await bench.createWorkspace();
  });

  afterAll(async () => {
    await bench.close();
  });

  const path = (rest = '') => app.path(`webhooks${rest}`, workspaceId);
  const save = () => bench.save({}, workspaceId);

  it('is paged to its end, each delivery once, without reading all of it', async () => {
    const { id } = await save();
    const { id: busy } = await save();
    const { dataSource } = app.database;
    const fill = (webhookId: string, count: number) =>
      dataSource.query(
        `INSERT INTO webhook_deliveries (id, workspace_id, webhook_id, execution_id, event, data, occurred_at,
           status, next_attempt_at, created_at)
         SELECT make_delivery_id(now() - make_interval(secs => n)), $1, $2, gen_random_uuid(),
                'execution.completed', '{}', now(), CASE WHEN n % 100 = 0 THEN 'failed' ELSE 'delivered' END,
                now(), now() FROM generate_series(1, $3::integer) AS n`,
        [workspaceId, webhookId, count],
      );
    await fill(id, 3_000);
    await fill(busy, 30_000);
    const pages = async (filter: string) => {
      const seen: string[] = [];
      for (let after = ''; ;) {
        const query = `?limit=100${filter}${after}`;
        const { body } = await app.request('get', path(`/${id}/deliveries${query}`)).expect(200);
        seen.push(...body.data.map((delivery: { id: string }) => delivery.id));
        if (body.nextCursor === null) return seen;
        after = `&after=${body.nextCursor}`;
      }
    };
    const all = await pages('');
    expect(new Set(all).size).toBe(3000);
    expect(all).toEqual([...all].sort().reverse());
    expect(await pages('&status=failed')).toHaveLength(30);
    expect(await pages('&status=pending')).toEqual([]);
    await dataSource.query('ANALYZE webhook_deliveries');
    const plan = await dataSource.query<{ 'QUERY PLAN': string }[]>(
      `EXPLAIN SELECT * FROM webhook_deliveries WHERE webhook_id = '${id}' AND id < '${all[2500]!}'
        ORDER BY id DESC LIMIT 101`,
    );
    expect(plan.map((row) => row['QUERY PLAN']).join('\n')).toContain(
      'Index Scan Backward using webhook_deliveries_webhook_id',
    );
  });

  it('is nobody else’s business', async () => {
    const { id } = await save();
    await bench.run('echo', workspaceId);
    await bench.deliverDue();
    const [delivery] = await bench.deliveries(id, workspaceId);
    const elsewhere = await bench.createWorkspace();
    for (const [method, rest] of [
      ['get', `webhooks/${id}`],
      ['patch', `webhooks/${id}`],
      ['delete', `webhooks/${id}`],
      ['post', `webhooks/${id}/secret`],
      ['post', `webhooks/${id}/test`],
      ['get', `webhooks/${id}/deliveries`],
      ['post', `webhooks/${id}/deliveries/${delivery!.id}/redrive`],
    ] as const) {
      expectProblem(await app.request(method, app.path(rest, elsewhere)), 'not_found');
    }
    const mine = await bench.save({}, elsewhere);
    const crossed = app.path(`webhooks/${mine.id}/deliveries/${delivery!.id}/redrive`, elsewhere);
    expectProblem(await app.request('post', crossed), 'not_found');
    expect(await bench.deliveries(id, workspaceId)).toEqual([delivery]);
  });
});
