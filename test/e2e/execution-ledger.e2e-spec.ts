import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { Socket } from 'node:net';
import { rowCounts, tablesWith } from '../support/database-contents';
import { ExecutionEnds } from '../support/execution-ends';
import type { RawBehaviour, UpstreamRequest } from '../support/faulty-upstream';
import { answerJson } from '../support/faulty-upstream/answer';
import { chatCompletion } from '../support/faulty-upstream/dialect';
import { expectProblem } from '../support/problem-of';
import { MODELS, TestBench } from '../support/test-bench';

const OPENAI = { provider: 'openai', model: MODELS.openai };

interface LedgerRow {
  readonly id: string;
  readonly status: string;
  readonly attempts: number;
  readonly outcomes: number;
}

/** As in ormconfig.ts. */
const POOL_SIZE = 20;

describe('the ledger of executions', () => {
  let bench: TestBench;
  let ends: ExecutionEnds;

  beforeAll(async () => {
    bench = await TestBench.start();
    await bench.saveKey('openai');
    ends = await ExecutionEnds.watch(bench.app.database);
  });

  afterAll(async () => {
    await ends.close();
    await bench.close();
  });

  const sql = <Row>(text: string, values: unknown[] = []) =>
    bench.app.database.dataSource.query<Row[]>(text, values);
  /** What is committed of an agent's executions, seen through a connection of its own. */
  const ledgerOf = (agentId: string) =>
    sql<LedgerRow>(
      `SELECT id, status,
              (SELECT count(*)::integer FROM execution_attempts WHERE execution_id = id) AS attempts,
              (SELECT count(*)::integer FROM attempt_outcomes WHERE execution_id = id) AS outcomes
         FROM agent_executions WHERE agent_id = $1`,
      [agentId],
    );
  /** Does something while the provider's answer is awaited, then answers. */
  const meanwhile = (
    work: (request: UpstreamRequest) => Promise<void>,
    status: 200 | 500 | 502 = 200,
  ): RawBehaviour => ({
    raw: (response, request) => {
      void work(request).then(() => {
        const body = status === 200 ? chatCompletion(request, { ok: true }) : { error: {} };
        answerJson(response, status, body);
      });
    },
  });

  it('has each attempt committed before its request arrives', async () => {
    const seen: LedgerRow[][] = [];
    const look = async () => {
      seen.push(await ledgerOf('write-ahead'));
    };
    bench.upstream.script([meanwhile(look, 500), meanwhile(look, 500), meanwhile(look)]);
    const answer = await bench.run({ ...OPENAI, agentId: 'write-ahead' }).expect(201);
    const { id } = answer.body as { id: string };
    expect(seen).toEqual([
      [{ id, status: 'running', attempts: 1, outcomes: 0 }],
      [{ id, status: 'running', attempts: 2, outcomes: 1 }],
      [{ id, status: 'running', attempts: 3, outcomes: 2 }],
    ]);
    expect(await ledgerOf('write-ahead')).toEqual([
      { id, status: 'completed', attempts: 3, outcomes: 3 },
    ]);
  });

  it('shows an execution under way, with an attempt of which nothing is known yet', async () => {
    let seen: unknown;
    bench.upstream.script([
      meanwhile(async () => {
        const [row] = await ledgerOf('under-way');
        seen = await bench.read(row!.id);
      }),
    ]);
    await bench.run({ ...OPENAI, agentId: 'under-way' }).expect(201);
    expect(seen).toMatchObject({
      status: 'running',
      completedAt: null,
      output: null,
      usage: null,
      costUsd: null,
      receipt: null,
      attempts: [{ number: 1, status: 'unknown', billed: 'unknown', latencyMs: null }],
    });
  });

  it('gets the end of an execution whose client has hung up', async () => {
    const connected = once(bench.app.app.getHttpServer(), 'connection') as Promise<[Socket]>;
    const executionId = new Promise<string>((resolve) => {
      bench.upstream.script([
        meanwhile(async () => {
          const [serverSide] = await connected;
          const closed = once(serverSide, 'close');
          client.destroy();
          await closed;
          resolve((await ledgerOf('hung-up'))[0]!.id);
        }),
      ]);
    });
    const client = startWithoutReading(bench, { ...OPENAI, agentId: 'hung-up' });
    await ends.until(await executionId);
    expect(await bench.read(await executionId)).toMatchObject({
      status: 'completed',
      costUsd: '0.000006',
      output: { content: 'Hello from the upstream.' },
      attempts: [{ status: 'succeeded' }],
    });
  });

  it.each(['agent_executions', 'execution_attempts'])(
    'that cannot be written (%s) refuses the start: 503, nothing is sent, nothing is kept',
    async (table) => {
      const before = bench.upstream.requests.length;
      const rows = await rowCounts(bench.app.database.dataSource);
      await sql(`ALTER TABLE ${table} RENAME TO ${table}_away`);
      const answer = await bench.run({ ...OPENAI, agentId: 'ledger-down' });
      const echo = await bench.run({ provider: 'echo', model: 'echo' });
      await sql(`ALTER TABLE ${table}_away RENAME TO ${table}`);
      for (const refused of [answer, echo]) {
        expect(expectProblem(refused, 'ledger_unavailable').status).toBe(503);
        expect(refused.headers['retry-after']).toBe('2');
        expect(refused.body).not.toHaveProperty('executionId');
      }
      expect(bench.upstream.requests).toHaveLength(before);
      expect(await rowCounts(bench.app.database.dataSource)).toEqual(rows);
      await bench.run(OPENAI).expect(201);
    },
  );

  it.each([
    ['not billed, and may be repeated', 500, 'server_error', 'no', '2'],
    ['perhaps billed, and is to be read', 502, 'gateway_error', 'unknown', undefined],
  ] as const)(
    'that fails between two attempts stops the second and says which execution it was: %s',
    async (_name, status, errorCategory, billed, retryAfter) => {
      const before = bench.upstream.requests.length;
      bench.upstream.script([
        meanwhile(async () => {
          await sql(`REVOKE INSERT ON execution_attempts FROM keyrun_definer`);
        }, status),
      ]);
      const agentId = `ledger-down-later-${status}`;
      const answer = await bench.run({ ...OPENAI, agentId });
      await sql(`GRANT INSERT ON execution_attempts TO keyrun_definer`);
      const problem = expectProblem(answer, 'ledger_unavailable');
      expect(answer.headers['retry-after']).toBe(retryAfter);
      expect(bench.upstream.requests).toHaveLength(before + 1);
      const [row] = await ledgerOf(agentId);
      expect(row).toMatchObject({ status: 'failed', attempts: 1, outcomes: 1 });
      expect(problem).toMatchObject({ executionId: row!.id, attempts: 1, billed });
      expect(problem.detail.includes('Do not repeat it')).toBe(billed !== 'no');
      expect((await bench.read(row!.id)).attempts).toMatchObject([{ errorCategory }]);
    },
  );

  it('runs a statement again that lost a race against another transaction', async () => {
    const { dataSource } = bench.app.database;
    await dataSource.query(`
      CREATE SEQUENCE settlements;
      CREATE FUNCTION lose_the_race() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
        IF nextval('public.settlements') < 3 THEN
          RAISE EXCEPTION 'as if by a deadlock' USING ERRCODE = '40P01';
        END IF;
        RETURN NEW;
      END $$;
      CREATE TRIGGER lose_the_race BEFORE INSERT ON attempt_outcomes
        FOR EACH ROW EXECUTE FUNCTION lose_the_race()`);
    const answer = await bench.run({ ...OPENAI, agentId: 'racer' }).expect(201);
    await dataSource.query('DROP FUNCTION lose_the_race() CASCADE; DROP SEQUENCE settlements');
    expect((await bench.read(answer.body.id as string)).attempts).toEqual(answer.body.attempts);
  });

  it('survives the loss of every connection to the database', async () => {
    const { dataSource } = bench.app.database;
    const [row] = await dataSource.query<{ ended: number }[]>(`
      SELECT count(pg_terminate_backend(pid, 5000))::integer AS ended FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
          AND application_name = 'keyrun'`);
    expect(row!.ended).toBeGreaterThan(0);
    // A connection that is asked before its end was noticed fails, and only once.
    const statuses: number[] = [];
    while (statuses.at(-1) !== 201 && statuses.length <= POOL_SIZE) {
      statuses.push((await bench.run({ ...OPENAI, agentId: 'after-the-loss' })).status);
    }
    expect(statuses.pop()).toBe(201);
    expect(statuses.filter((status) => status !== 503)).toEqual([]);
  });

  it('forgets a workspace for good that is deleted while an execution runs in it', async () => {
    const workspaceId = await bench.createWorkspace();
    await bench.saveKey('openai', {}, workspaceId);
    for (const status of [500, 200] as const) {
      const before = bench.upstream.requests.length;
      const id = status === 500 ? workspaceId : await bench.createWorkspace();
      if (status === 200) await bench.saveKey('openai', {}, id);
      bench.upstream.script([
        meanwhile(async () => {
          await bench.app.request('delete', `/api/workspaces/${id}`).expect(204);
        }, status),
      ]);
      const answer = await bench.run({ ...OPENAI, agentId: 'doomed' }, id);
      expect([201, 404]).toContain(answer.status);
      // What failed is not tried again: nobody is left who would pay.
      expect(bench.upstream.requests).toHaveLength(before + 1);
      // The trail of the server says that it was deleted.
      const left = await tablesWith(bench.app.database.dataSource, id);
      expect(left).toEqual(['public.audit_events']);
    }
  });
});

/** A request that is written but whose answer nobody will read. */
function startWithoutReading(bench: TestBench, body: object) {
  const text = JSON.stringify({
    messages: [{ role: 'user', content: 'Hello' }],
    ...body,
  });
  const client = httpRequest(`${bench.app.url}${bench.app.path('executions')}`, {
    method: 'POST',
    agent: false,
    headers: {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      authorization: `Bearer ${bench.app.ownerToken}`,
    },
  });
  client.on('error', () => undefined);
  client.end(text);
  return client;
}
