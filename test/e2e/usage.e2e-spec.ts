import fc from 'fast-check';
import { parseUsd } from '../../src/ai-providers';
import { expectProblem, faultyFields } from '../support/problem-of';
import { entries, type LedgerEntry, writeLedger } from '../support/random-ledger';
import { TestApp } from '../support/test-app';
import { GROUP_FIELDS, groupedBy, keyOf, type Row, rowOf, sumsOf } from '../support/usage-model';

interface Report {
  readonly object: string;
  readonly data: Row[];
  readonly totals: Row;
  readonly hasMore: boolean;
  readonly nextCursor: string | null;
}

const DAY_MS = 86_400_000;
const TO = new Date(Math.floor(Date.now() / DAY_MS) * DAY_MS);
/** Within this month and the last one, for which there are partitions. */
const FROM = new Date(TO.getTime() - 20 * DAY_MS);
const TIME = `from=${FROM.toISOString()}&to=${TO.toISOString()}`;

const ENTRY: LedgerEntry = {
  agentId: 'support',
  provider: 'openai',
  model: 'gpt',
  apiKeyId: null,
  status: 'completed',
  createdAt: FROM,
  tokens: [10, 20, 3, 4, 5],
  costNanoUsd: 1_500n,
  latencyMs: 100,
  failedAttempts: 0,
  billed: 'no',
  isRevised: false,
};

describe('the usage report', () => {
  let app: TestApp;
  let workspaceId: string;

  beforeAll(async () => {
    app = await TestApp.start();
  });

  beforeEach(async () => {
    workspaceId = await makeWorkspace();
  });

  afterAll(async () => {
    await app.close();
  });

  const makeWorkspace = async () =>
    (await app.request('post', '/api/workspaces').send({ name: 'Ledger' })).body.id as string;
  const get = (query: string, token?: string) =>
    app.request('get', app.path(`usage?${query}`, workspaceId), token);
  const report = async (query: string, token?: string) =>
    (await get(query, token).expect(200)).body as Report;
  const write = (...ledger: readonly Partial<LedgerEntry>[]) =>
    writeLedger(
      app.database.dataSource,
      workspaceId,
      ledger.map((entry) => ({ ...ENTRY, ...entry })),
    );

  /** What the list says of each execution, with the day that it is of. */
  async function listAll(): Promise<Row[]> {
    const { body } = await app
      .request('get', app.path(`executions?limit=100&${TIME}`, workspaceId))
      .expect(200);
    return (body as { data: { usage: Row | null; createdAt: string }[] }).data.map((row) => ({
      ...(row as unknown as Row),
      ...row.usage,
      day: row.createdAt.slice(0, 10),
    }));
  }

  /** What attempts cost by their latest findings. */
  async function costOfAttempts(): Promise<bigint> {
    const [row] = await app.database.dataSource.query<{ cost: string }[]>(
      `SELECT coalesce(sum(cost_nano_usd), 0)::text AS cost FROM (
         SELECT DISTINCT ON (execution_id, attempt_number) cost_nano_usd FROM attempt_outcomes
          WHERE workspace_id = $1 ORDER BY execution_id, attempt_number, revision DESC) latest`,
      [workspaceId],
    );
    return BigInt(row!.cost);
  }

  it('equals the sums over the list and over the attempts, whatever the ledger and the groups', async () => {
    const groups = fc.subarray(Object.keys(GROUP_FIELDS), { minLength: 1 });
    const property = fc.asyncProperty(entries(FROM, TO), groups, async (ledger, groupBy) => {
      workspaceId = await makeWorkspace();
      await write(...ledger);
      const { data, totals } = await report(`groupBy=${groupBy.join()}&${TIME}`);
      const listed = await listAll();
      expect(totals).toEqual(sumsOf(listed, ledger));
      expect(parseUsd(String(totals.costUsd ?? '0'))).toBe(await costOfAttempts());

      const ledgerGroups = groupedBy(ledger, (entry) => keyOf(rowOf(entry), groupBy));
      const listGroups = groupedBy(listed, (row) => keyOf(row, groupBy));
      const keys = data.map((row) => keyOf(row, groupBy));
      expect([...keys].sort()).toEqual([...listGroups.keys()].sort());
      for (const [index, row] of data.entries()) {
        const key = keys[index]!;
        expect(row).toMatchObject(sumsOf(listGroups.get(key)!, ledgerGroups.get(key)!));
      }
    });
    await fc.assert(property, { numRuns: 15 });
  });

  it('has one row of everything for each day by default, and nothing of an empty time', async () => {
    await write({}, { createdAt: new Date(FROM.getTime() + DAY_MS - 1) });
    await write({ createdAt: new Date(FROM.getTime() + DAY_MS), costNanoUsd: null });
    const { object, data, totals, hasMore, nextCursor } = await report(TIME);
    expect([object, hasMore, nextCursor]).toEqual(['list', false, null]);
    expect(data).toMatchObject([
      { day: FROM.toISOString().slice(0, 10), executions: 2, costUsd: '0.000003', unpriced: 0 },
      { executions: 1, costUsd: null, unpriced: 1 },
    ]);
    expect(totals).toMatchObject({ executions: 3, costUsd: '0.000003', unpriced: 1 });
    const empty = await report('from=2020-01-01&to=2020-02-01');
    expect(empty.data).toEqual([]);
    expect(empty.totals).toMatchObject({ executions: 0, costUsd: '0', errorRate: null });
  });

  it('takes the first moment in and leaves the last one out', async () => {
    await write({ createdAt: FROM }, { createdAt: TO });
    expect((await report(TIME)).totals.executions).toBe(1);
  });

  it('covers the last 30 days unless told otherwise', async () => {
    const path = app.path('executions', workspaceId);
    const run = { agentId: 'a', provider: 'echo', model: 'echo' };
    const messages = [{ role: 'user', content: 'x' }];
    await app
      .request('post', path)
      .send({ ...run, messages })
      .expect(201);
    expect((await report('')).totals).toMatchObject({ executions: 1, completed: 1, attempts: 1 });
  });

  it('can be narrowed, and shows a token of an agent nothing of others', async () => {
    await write({ agentId: 'one' }, { agentId: 'two' }, { agentId: 'two', model: 'other' });
    expect((await report(`agentId=two&${TIME}`)).totals.executions).toBe(2);
    expect((await report(`agentId=two&model=gpt&provider=openai&${TIME}`)).totals.executions).toBe(
      1,
    );
    const { body } = await app
      .request('post', app.path('tokens', workspaceId))
      .send({ name: 'bound', role: 'developer', agentId: 'one' })
      .expect(201);
    const { token } = body as { token: string };
    expect((await report(`groupBy=agent&${TIME}`, token)).data).toMatchObject([
      { agentId: 'one', executions: 1 },
    ]);
    expectProblem(await get(`agentId=two&${TIME}`, token), 'forbidden');
  });

  it('counts what a crash interrupted as failed and, as it may be billed, as unpriced', async () => {
    const { dataSource } = app.database;
    await write({ status: 'running' });
    await dataSource.query('SELECT count(*) FROM interrupt_executions(NULL, 100, $1)', [
      'It died.',
    ]);
    expect((await report(TIME)).totals).toMatchObject({
      ...{ failed: 1, errorRate: 1, unpriced: 1, costUsd: null },
    });
  });

  it('gives every group once, a page at a time', async () => {
    const models = ['b', 'a', 'B', 'ä', 'c'];
    await write(...models.map((model) => ({ model })));
    const seen: unknown[] = [];
    let after = '';
    for (let pages = 1; ; pages += 1) {
      const page = await report(`groupBy=model,apiKey&limit=2&${TIME}${after}`);
      seen.push(...page.data.map(({ model }) => model));
      expect(page.totals.executions).toBe(5);
      if (!page.hasMore) {
        expect([pages, page.nextCursor]).toEqual([3, null]);
        break;
      }
      after = `&after=${page.nextCursor}`;
    }
    expect(seen).toEqual(['B', 'a', 'b', 'c', 'ä']);
  });

  it('comes as CSV in which no cell is a formula', async () => {
    const names = ['=1+1', '+1', '-1', '@SUM(1)', 'a,"b"', 'plain'];
    await write(...names.map((agentId) => ({ agentId })));
    const answer = await get(`groupBy=agent,apiKey&format=csv&limit=1&${TIME}`).expect(200);
    expect(answer.headers['content-type']).toBe('text/csv; charset=utf-8');
    expect(answer.headers['content-disposition']).toContain(`usage-${workspaceId}.csv`);
    const [heading, ...lines] = answer.text.trimEnd().split('\r\n');
    expect(heading).toMatch(/^agentId,apiKeyId,executions,.*,costUsd,.*,errorRate$/);
    const cells = lines.map((line) => line.split(',,1,1,0,0,0,1,')[0]);
    expect(cells.sort()).toEqual(
      [`"'+1"`, `"'-1"`, `"'=1+1"`, `"'@SUM(1)"`, '"a,""b"""', 'plain'].sort(),
    );
    const accepted = await get(TIME).set('Accept', 'text/csv').expect(200);
    expect(accepted.text).toContain('\r\n');
    expect((await get(`format=json&${TIME}`).set('Accept', 'text/csv')).body.object).toBe('list');
  });

  it.each([
    ['groupBy=', '?groupBy'],
    ['groupBy=week', '?groupBy'],
    ['groupBy=day,day', '?groupBy'],
    ['groupBy=day&groupBy=model', '?groupBy'],
    ['groupBy=toString', '?groupBy'],
    ['from=yesterday', '?from'],
    ['to=2026-13-01', '?to'],
    ['from=2026-03-02&to=2026-03-01', '?from'],
    ['from=2026-03-01&to=2026-03-01', '?from'],
    ['from=2025-01-01&to=2026-02-06', '?from'],
    ['apiKeyId=mine', '?apiKeyId'],
    ['limit=0', '?limit'],
    ['limit=101', '?limit'],
    ['after=nonsense', '?after'],
    [`after=${Buffer.from('["a","b"]').toString('base64url')}`, '?after'],
    [`after=${Buffer.from('["\\u0000"]').toString('base64url')}`, '?after'],
    ['format=xml', '?format'],
    ['unknown=1', '?unknown'],
  ])('refuses %s and names the field', async (query, field) => {
    expect(faultyFields(await get(query))).toEqual([field]);
  });

  it('takes exactly 400 days', async () => {
    await report('from=2025-01-01&to=2026-02-05');
  });
});
