import { expectProblem } from '../support/problem-of';
import { MODELS, TestBench } from '../support/test-bench';

interface Summary {
  readonly id: string;
  readonly agentId: string;
  readonly createdAt: string;
}

const TOTAL = 25;

describe('the list of executions', () => {
  let bench: TestBench;
  let workspaceId: string;
  /** In the order in which they were made. */
  const made: Summary[] = [];

  beforeAll(async () => {
    bench = await TestBench.start();
    workspaceId = await bench.createWorkspace();
    for (let number = 0; number < TOTAL; number += 1) {
      const agentId = number % 5 === 0 ? 'task-fifth' : 'task-other';
      const answer = await bench.run({ agentId, provider: 'echo', model: 'echo' }, workspaceId);
      made.push(answer.body as Summary);
    }
  });

  afterAll(async () => {
    await bench.close();
  });

  const list = async (query = '', workspace = workspaceId) => {
    const path = bench.app.path(`executions${query}`, workspace);
    const { body } = await bench.app.request('get', path).expect(200);
    return body as { data: Summary[]; hasMore: boolean; nextCursor: string | null };
  };
  const idsOf = (entries: readonly Summary[]) => entries.map(({ id }) => id);
  const newestFirst = (entries: readonly Summary[]) => idsOf(entries).reverse();

  it.each([1, 7, 10, 25, 100])('has every one of them once, %i to the page', async (limit) => {
    const seen: string[] = [];
    let query = `?limit=${limit}`;
    for (let pages = 0; pages <= TOTAL; pages += 1) {
      const page = await list(query);
      expect(page.data.length).toBeLessThanOrEqual(limit);
      seen.push(...idsOf(page.data));
      if (!page.hasMore) {
        expect(page.nextCursor).toBeNull();
        break;
      }
      expect(page.nextCursor).toBe(page.data.at(-1)!.id);
      query = `?limit=${limit}&after=${page.nextCursor}`;
    }
    expect(seen).toEqual(newestFirst(made));
  });

  it('has 20 to the page unless asked otherwise', async () => {
    const page = await list();
    expect([page.data.length, page.hasMore]).toEqual([20, true]);
  });

  it('does not shift when something new arrives between two pages', async () => {
    const other = await bench.createWorkspace();
    const run = async () =>
      (await bench.run({ provider: 'echo', model: 'echo' }, other).expect(201)).body as Summary;
    const old = [await run(), await run(), await run(), await run()];
    const first = await list('?limit=2', other);
    await run();
    const second = await list(`?limit=2&after=${first.nextCursor}`, other);
    expect(idsOf([...first.data, ...second.data])).toEqual(newestFirst(old));
  });

  it('shows each as it is read alone, without attempts and answer', async () => {
    const [first] = (await list('?limit=1')).data;
    const { attempts, output, unreadable, receipt, ...summary } = await bench.read(
      first!.id,
      workspaceId,
    );
    expect([attempts.length, output.content, receipt.costUsd]).toEqual([1, 'Hello', '0.00001']);
    expect(unreadable).toEqual([]);
    expect(first).toEqual(summary);
  });

  it('is filtered by agent', async () => {
    const fifths = made.filter(({ agentId }) => agentId === 'task-fifth');
    expect(idsOf((await list('?agentId=task-fifth&limit=100')).data)).toEqual(newestFirst(fifths));
    expect((await list('?agentId=task')).data).toEqual([]);
    expect((await list('?agentId=TASK-FIFTH')).data).toEqual([]);
    const page = await list('?agentId=task-fifth&limit=2');
    const rest = await list(`?agentId=task-fifth&limit=100&after=${page.nextCursor}`);
    expect(idsOf([...page.data, ...rest.data])).toEqual(newestFirst(fifths));
  });

  it('is filtered by time: from is included, to is not', async () => {
    // Whole milliseconds, as the API shows them, so that one stands exactly on each bound.
    await bench.app.database.dataSource.query(
      `UPDATE agent_executions SET created_at = date_trunc('milliseconds', created_at)`,
    );
    const [from, to] = [made[5]!.createdAt, made[15]!.createdAt];
    const between = made.filter(({ createdAt }) => createdAt >= from && createdAt < to);
    expect(between.length).toBeGreaterThan(5);
    const query = (format: (time: string) => string) =>
      `?limit=100&from=${encodeURIComponent(format(from))}&to=${encodeURIComponent(format(to))}`;
    expect(idsOf((await list(query((time) => time))).data)).toEqual(newestFirst(between));
    const elsewhere = (time: string) =>
      new Date(Date.parse(time) + 2 * 3_600_000).toISOString().replace('Z', '+02:00');
    expect(idsOf((await list(query(elsewhere))).data)).toEqual(newestFirst(between));
    expect((await list('?from=2999-01-01')).data).toEqual([]);
    expect((await list('?to=2000-01-01')).data).toEqual([]);
    expect((await list('?from=2000-01-01&to=2999-01-01&limit=100')).data).toHaveLength(TOTAL);
  });

  it('is filtered by status, provider, model and key, and by all of them together', async () => {
    const other = await bench.createWorkspace();
    const first = await bench.saveKey('openai', {}, other);
    const second = await bench.saveKey('openai', { priority: 9 }, other);
    await bench.saveKey('anthropic', {}, other);
    const run = async (body: object) => {
      const answer = await bench.run(body, other);
      return (answer.body.id ?? answer.body.executionId) as string;
    };
    const openai = { provider: 'openai', model: MODELS.openai };
    bench.upstream.script([{ status: 400 }]);
    const ids = [
      await run(openai),
      await run(openai),
      await run({ ...openai, apiKeyId: second }),
      await run({ ...openai, model: 'another-model' }),
      await run({ provider: 'anthropic', model: MODELS.anthropic }),
      await run({ provider: 'echo', model: 'echo' }),
    ];
    const expectIds = async (query: string, places: number[]) => {
      const expected = places.map((place) => ids[place]).reverse();
      expect([query, idsOf((await list(query, other)).data)]).toEqual([query, expected]);
    };
    await expectIds('?status=failed', [0]);
    await expectIds('?status=completed', [1, 2, 3, 4, 5]);
    await expectIds('?status=queued', []);
    await expectIds('?provider=openai', [0, 1, 2, 3]);
    await expectIds('?provider=echo', [5]);
    await expectIds(`?model=${MODELS.openai}`, [0, 1, 2]);
    await expectIds('?model=another-model', [3]);
    await expectIds(`?apiKeyId=${first}`, [0, 1, 3]);
    await expectIds(`?apiKeyId=${second}`, [2]);
    await expectIds(`?apiKeyId=${first}&status=completed&model=${MODELS.openai}`, [1]);
    await expectIds(`?apiKeyId=${second}&status=failed`, []);
    // The record outlives the key.
    await bench.app.request('delete', bench.app.path(`api-keys/${first}`, other)).expect(204);
    await expectIds(`?apiKeyId=${first}`, [0, 1, 3]);
  });

  it('has nothing of another workspace, and neither has a single read', async () => {
    const other = await bench.createWorkspace();
    expect((await list('?limit=100', other)).data).toEqual([]);
    const path = bench.app.path(`executions/${made[0]!.id}`, other);
    expectProblem(await bench.app.request('get', path), 'not_found');
  });
});
