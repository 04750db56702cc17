import { Settlements } from '../../src/executions/ledger/settlements';
import { ReceiptJournal } from '../../src/receipt-journal';
import { EventReader } from '../support/event-reader';
import { answerJson } from '../support/faulty-upstream/answer';
import { chatCompletion } from '../support/faulty-upstream/dialect';
import { expectProblem } from '../support/problem-of';
import { MODELS, TestBench } from '../support/test-bench';

const OPENAI = { provider: 'openai', model: MODELS.openai };
const ANSWERED = { billed: 'yes', usage: expect.any(Object), costUsd: expect.anything() };
const UNKNOWN = { billed: 'yes', usage: null, costUsd: null };

describe('an end that the database refuses for what is in it', () => {
  let bench: TestBench;

  beforeEach(async () => {
    bench = await TestBench.start();
    await bench.saveKey('openai');
    bench.upstream.script([]);
  });

  afterEach(async () => {
    await bench.close();
  });

  const get = <T>(type: abstract new (...values: never[]) => T): T =>
    bench.app.app.get(type, { strict: false });
  const sql = <Row>(text: string) => bench.app.database.dataSource.query<Row[]>(text);
  const journal = () => get(ReceiptJournal).status();
  /** From now on no such row is taken (23514). */
  const refuse = (table: string, condition: string) =>
    sql(`ALTER TABLE ${table} ADD CONSTRAINT refused_by_the_test CHECK (${condition}) NOT VALID`);
  const ended = (id: string, { billed, usage, costUsd }: typeof UNKNOWN | typeof ANSWERED) => ({
    ...{ id, status: 'failed', output: null, finishReason: null, usage, costUsd },
    error: { category: 'internal', code: 'internal', retryable: false, billed },
    attempts: [{ errorCategory: 'internal', billed, usage, costUsd }],
  });

  it.each([
    ['the answer', 'execution_outputs', 'false', ANSWERED],
    ['what the provider told of it', 'attempt_outcomes', 'model IS NULL', ANSWERED],
    ['its usage', 'attempt_outcomes', 'input_tokens IS NULL', UNKNOWN],
    ['its cost', 'agent_executions', 'cost_nano_usd IS NULL', UNKNOWN],
  ])('ends without it, and the client is told: %s', async (_what, table, condition, known) => {
    await refuse(table, condition);
    const told = await bench.run(OPENAI);
    const problem = expectProblem(told, 'internal');
    const { executionId } = problem as unknown as { executionId: string };
    expect(problem).toMatchObject({ category: 'internal', retryable: false, billed: 'yes' });
    expect(await bench.read(executionId)).toMatchObject(ended(executionId, known));
    expect(journal()).toMatchObject({ unsettled: 0, quarantined: 1 });
    expect(get(Settlements).missedCount).toBe(0);
    expect(bench.upstream.paidCalls).toHaveLength(1);
  });

  it('is told at the end of a stream, and again under the key', async () => {
    await refuse('execution_outputs', 'false');
    const body = { agentId: 'agent', messages: [{ role: 'user', content: 'Hello' }], ...OPENAI };
    const headers = { 'idempotency-key': 'refused' };
    const path = bench.app.path('executions');
    const ask = () =>
      EventReader.open(bench.app, path, { body: { ...body, stream: true }, headers });
    const first = (await (await ask()).rest()).at(-1)!;
    expect(first).toMatchObject({ event: 'error', data: { code: 'internal', billed: 'yes' } });
    const again = (await (await ask()).rest()).at(-1)!;
    expect(again).toMatchObject({ event: 'error', data: { code: 'internal', billed: 'yes' } });
    expect(bench.upstream.paidCalls).toHaveLength(1);
  });

  it('leaves a failure what it was', async () => {
    await refuse('attempt_outcomes', 'upstream_status IS NULL');
    bench.upstream.script([{ status: 401 }]);
    const problem = expectProblem(await bench.run(OPENAI), 'credential_invalid');
    expect(problem).toMatchObject({ billed: 'no', provider: { status: null } });
    expect(await bench.read(problem.executionId as string)).toMatchObject({
      ...{ status: 'failed', error: { category: 'credential_invalid', billed: 'no' } },
      attempts: [{ errorCategory: 'credential_invalid', upstreamStatus: null }],
    });
  });

  it('ends when the ledger is back that was away when the answer came', async () => {
    await refuse('execution_outputs', 'false');
    const holder = bench.app.database.dataSource.createQueryRunner();
    const holdLedger = async () => {
      await holder.startTransaction();
      await holder.query('LOCK TABLE agent_executions IN ACCESS EXCLUSIVE MODE');
    };
    bench.upstream.script([
      {
        raw: (response, request) => {
          void holdLedger().then(() => {
            answerJson(response, 200, chatCompletion(request, { ok: true }));
          });
        },
      },
    ]);
    const told = await bench.run(OPENAI).expect(201);
    expect(told.headers['execution-persistence']).toBe('journaled');
    await holder.commitTransaction();
    await holder.release();
    while (get(Settlements).missedCount > 0) await get(Settlements).replay();
    expect(await bench.read(told.body.id as string)).toMatchObject(
      ended(told.body.id as string, ANSWERED),
    );
    expect(journal()).toMatchObject({ unsettled: 0, quarantined: 1 });
  });

  it('remains unrecorded if even that it ended is refused, and says so', async () => {
    await refuse('attempt_outcomes', 'false');
    const told = await bench.run(OPENAI);
    const problem = expectProblem(told, 'internal');
    expect(problem).toMatchObject({ category: 'internal', retryable: false, billed: 'yes' });
    expect(problem.detail).toMatch(/^The call was made and billed, .* Do not repeat it: read the/);
    expect(told.headers['retry-after']).toBeUndefined();
    const path = bench.app.path(`executions/${problem.executionId as string}`);
    expect(told.headers.location).toBe(path);
    expect(journal()).toMatchObject({ unsettled: 0, quarantined: 1 });
    expect(get(Settlements).missedCount).toBe(0);
  });

  it('keeps nobody else waiting while it fails for another reason than what is in it', async () => {
    await sql(`
      CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''not now''; END';
      CREATE TRIGGER fail BEFORE INSERT ON attempt_outcomes FOR EACH ROW EXECUTE FUNCTION fail()`);
    const told: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      const { body, headers } = await bench.run(OPENAI).expect(201);
      expect(headers['execution-persistence']).toBe('journaled');
      told.push((body as { id: string }).id);
    }
    await sql(`
      DROP TRIGGER fail ON attempt_outcomes;
      CREATE TRIGGER fail BEFORE INSERT ON attempt_outcomes FOR EACH ROW
        WHEN (NEW.execution_id = '${told[0]!}') EXECUTE FUNCTION fail()`);
    for (let round = 0; round < 20 && get(Settlements).missedCount > 1; round += 1) {
      await get(Settlements).replay();
    }
    const statuses = async () => {
      const ends = await Promise.all(told.map((id) => bench.read(id)));
      return ends.map(({ status }) => status);
    };
    expect(await statuses()).toEqual(['running', 'completed', 'completed']);
    expect([...get(Settlements).missedIds]).toEqual([told[0]]);
    await sql('DROP TRIGGER fail ON attempt_outcomes');
    while (get(Settlements).missedCount > 0) await get(Settlements).replay();
    expect(await statuses()).toEqual(['completed', 'completed', 'completed']);
  });
});
