import { Client } from 'pg';
import { ExecutionEnds } from '../support/execution-ends';
import { MODELS, TestBench } from '../support/test-bench';

const OPENAI = { provider: 'openai', model: MODELS.openai };
/** The shortest that a client may ask for. */
const DEADLINE_MS = 1_000;
const LOCK = 4_711;

describe('an execution whose deadline passes before its first attempt', () => {
  let bench: TestBench;
  let ends: ExecutionEnds;

  beforeAll(async () => {
    bench = await TestBench.start();
    ends = await ExecutionEnds.watch(bench.app.database);
    await bench.saveKey('openai');
    await sql(`
      CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_advisory_xact_lock_shared(${LOCK});
        RETURN NEW;
      END $$;
      CREATE TRIGGER hold BEFORE INSERT OR UPDATE ON agent_executions
        FOR EACH ROW WHEN (NEW.agent_id LIKE 'late-%' AND NEW.status = 'running')
        EXECUTE FUNCTION hold()`);
  });

  afterAll(async () => {
    await ends.close();
    await bench.close();
  });

  const sql = <Row>(text: string, values: unknown[] = []) =>
    bench.app.database.dataSource.query<Row[]>(text, values);

  /** Begins something whose executions start only when their deadline has passed. */
  const late = async <T>(begin: () => Promise<T>): Promise<T> => {
    const client = new Client({ connectionString: bench.app.database.url.expose() });
    await client.connect();
    await client.query(`SELECT pg_advisory_lock(${LOCK})`);
    const begun = begin();
    try {
      await untilStatementWaits();
      // Others are started meanwhile, or this one would be given up.
      const since = performance.now();
      while (performance.now() - since < DEADLINE_MS)
        await bench.run({ provider: 'echo', model: 'echo' }).expect(201);
    } finally {
      await client.end();
    }
    return begun;
  };

  const untilStatementWaits = async () => {
    for (let waiting = 0; waiting === 0;) {
      const [row] = await sql<{ waiting: number }>(`
        SELECT count(*)::integer AS waiting FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event = 'advisory'`);
      waiting = row!.waiting;
    }
  };

  it.each([
    ['waits for all of it', {}, { 'idempotency-key': 'late' }, 504],
    ['reads it in pieces', { stream: true }, { 'idempotency-key': 'late-pieces' }, 200],
    ['waits for nothing', {}, { prefer: 'respond-async' }, 202],
  ])('ends, unsent and unbilled, when its client %s', async (how, fields, headers, status) => {
    const before = bench.upstream.requests.length;
    const agentId = `late-${how}`;
    const answer = await late(async () =>
      bench.run({ ...OPENAI, ...fields, agentId, timeoutMs: DEADLINE_MS }).set(headers),
    );
    expect(answer.status).toBe(status);
    const text = 'SELECT id FROM agent_executions WHERE agent_id = $1';
    const [{ id }] = (await sql<{ id: string }>(text, [agentId])) as [{ id: string }];
    if (status !== 202) {
      expect(answer.text).toContain('"code":"deadline_exceeded"');
      expect(answer.text).toContain(`"executionId":"${id}"`);
    }
    await ends.until(id);
    expect(await bench.read(id)).toMatchObject({
      status: 'failed',
      error: { category: 'deadline_exceeded' },
      attempts: [{ number: 1, status: 'failed', billed: 'no' }],
    });
    expect(bench.upstream.requests).toHaveLength(before);
  });
});
