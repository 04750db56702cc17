import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { ExecutionWorker } from '../../src/executions/async/execution-worker';
import { ExecutionLedger } from '../../src/executions/ledger/execution-ledger';
import { type ExecutionStart, NOTHING_ASSUMED } from '../../src/executions/ledger/ledger-rows';
import { Settlements } from '../../src/executions/ledger/settlements';
import { ExecutionStarts } from '../../src/executions/ledger/execution-starts';
import { ForgottenExecutions } from '../../src/executions/lifecycle/forgotten-executions';
import { ServerIdentity } from '../../src/executions/lifecycle/server-identity';
import { ServerLease } from '../../src/executions/lifecycle/server-lease';
import { Sweeper } from '../../src/executions/lifecycle/sweeper';
import { ExecutionQueue } from '../../src/queue';
import { until } from '../process/server-process';
import { answerJson } from '../support/faulty-upstream/answer';
import { chatCompletion } from '../support/faulty-upstream/dialect';
import { expectProblem } from '../support/problem-of';
import { TestApp } from '../support/test-app';
import { MODELS, TestBench } from '../support/test-bench';

const OPENAI = { provider: 'openai', model: MODELS.openai };
const BETWEEN_LOOKS_MS = 5_000;
const INTERRUPTED = {
  ...{ status: 'failed', error: { category: 'interrupted', billed: 'unknown', retryable: true } },
  attempts: [{ number: 1, errorCategory: 'interrupted', billed: 'unknown' }],
};

describe('an execution that its living server does not know of', () => {
  let bench: TestBench;
  let nowMs: number;
  let errors: jest.SpyInstance;
  let letGo = async () => {};

  beforeEach(async () => {
    bench = await TestBench.start();
    await bench.saveKey('openai');
    bench.upstream.script([]);
    // Later than the clock of the server, whose own sweeps so take no look.
    nowMs = performance.now() + 3_600_000;
    errors = jest.spyOn(Logger.prototype, 'error').mockReturnValue();
  });

  afterEach(async () => {
    errors.mockRestore();
    await letGo();
    await bench.close();
  });

  const get = <T>(type: abstract new (...values: never[]) => T, app = bench.app): T =>
    app.app.get(type, { strict: false });
  const sql = <Row>(text: string, values: unknown[] = []) =>
    bench.app.database.dataSource.query<Row[]>(text, values);
  const look = async (app = bench.app) => {
    nowMs += BETWEEN_LOOKS_MS;
    await get(ForgottenExecutions, app).look(nowMs);
  };
  const lookThrice = async () => {
    for (let times = 0; times < 3; times += 1) await look();
  };
  const statusOf = async (id: string) => {
    const [row] = await sql<{ status: string }>(
      'SELECT status FROM agent_executions WHERE id = $1',
      [id],
    );
    return row!.status;
  };
  const ended = (id: string) =>
    until('its end', async () => ((await statusOf(id)) === 'running' ? null : true));
  const newStart = (): ExecutionStart => ({
    ...{ id: uuidv7(), workspaceId: bench.app.workspaceId, agentId: 'agent', metadata: null },
    ...{ provider: 'echo', model: 'echo', apiKeyId: null, timeoutMs: 60_000, mode: 'sync' },
    ...{ request: null, idempotency: null },
  });
  /** Committed, and nothing of it in memory. */
  const forget = async (start = newStart()) => {
    await get(ExecutionLedger).start(start);
    return start.id;
  };
  const loseSettle = () =>
    sql('ALTER FUNCTION settle_executions(json, bytea) RENAME TO settle_away');
  const findSettle = () =>
    sql('ALTER FUNCTION settle_away(json, bytea) RENAME TO settle_executions');
  const refuse = (condition: string) =>
    sql(
      `ALTER TABLE attempt_outcomes ADD CONSTRAINT refused_by_the_test CHECK (${condition}) NOT VALID`,
    );
  const takeAll = () => sql('ALTER TABLE attempt_outcomes DROP CONSTRAINT refused_by_the_test');
  /** Holds the table until {@link letGo}. */
  const hold = async (table: string) => {
    const holder = bench.app.database.dataSource.createQueryRunner();
    await holder.startTransaction();
    await holder.query(`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
    letGo = async () => {
      if (holder.isReleased) return;
      await holder.commitTransaction();
      await holder.release();
    };
  };

  it('is interrupted by the second look when every end of it was refused', async () => {
    await refuse('false');
    const problem = expectProblem(await bench.run(OPENAI), 'internal');
    const id = problem.executionId as string;
    await takeAll();
    await look();
    expect(await statusOf(id)).toBe('running');
    await get(ForgottenExecutions).look(nowMs + BETWEEN_LOOKS_MS - 1);
    expect(await statusOf(id)).toBe('running');
    await look();
    expect(await bench.read(id)).toMatchObject(INTERRUPTED);
    expect(errors).toHaveBeenCalledWith(
      expect.objectContaining({ executionId: id, status: 'interrupted' }),
    );
  });

  it('keeps no other from its end while the database refuses that of it, and is told once', async () => {
    const [refused, other] = [await forget(), await forget()];
    await refuse(`execution_id <> '${refused}'`);
    await lookThrice();
    expect(await statusOf(refused)).toBe('running');
    expect(await statusOf(other)).toBe('interrupted');
    const told = errors.mock.calls.filter(([{ executionId }]) => executionId === refused);
    expect(told).toEqual([[expect.objectContaining({ code: '23514' })]]);
    await takeAll();
    await look();
    expect(await statusOf(refused)).toBe('interrupted');
  });

  it('is seen twice in a row or not at all: a look that failed begins anew', async () => {
    const id = await forget();
    await look();
    const unlisted = 'list_unknown_executions(uuid, uuid[], integer)';
    await sql(`ALTER FUNCTION ${unlisted} RENAME TO list_away`);
    await expect(look()).rejects.toThrow('list_unknown_executions');
    await sql('ALTER FUNCTION list_away(uuid, uuid[], integer) RENAME TO list_unknown_executions');
    await look();
    expect(await statusOf(id)).toBe('running');
    await look();
    expect(await statusOf(id)).toBe('interrupted');
  });

  it('is ended by the rounds of the sweep, also while the journal is gone', async () => {
    const id = await forget();
    await rm(join(bench.app['dataDirectory'], 'journal'), { recursive: true });
    get(ServerLease)['heldSinceMs'] = -Infinity;
    for (let rounds = 0; rounds < 2; rounds += 1) {
      get(ForgottenExecutions)['lookedAtMs'] = -Infinity;
      await expect(get(Sweeper).sweep()).rejects.toThrow('journal');
    }
    expect(await bench.read(id)).toMatchObject(INTERRUPTED);
  });

  it('is not one of another server', async () => {
    const node = await TestApp.start({ nodeOf: bench.app });
    try {
      const id = await forget();
      for (let times = 0; times < 3; times += 1) await look(node);
      expect(await statusOf(id)).toBe('running');
      await look();
      await look();
      expect(await statusOf(id)).toBe('interrupted');
    } finally {
      await node.close();
    }
  });

  it('is none that runs', async () => {
    let answer!: () => void;
    bench.upstream.script([
      {
        raw: (response, request) => {
          answer = () => {
            answerJson(response, 200, chatCompletion(request, { ok: true }));
          };
        },
      },
    ]);
    const told = bench.run(OPENAI).then((response) => response);
    await bench.upstream.untilRequests(1);
    await lookThrice();
    answer();
    expect((await told).status).toBe(201);
    expect(errors).not.toHaveBeenCalled();
  });

  it('is none whose receipt waits for the ledger', async () => {
    await loseSettle();
    const { body, headers } = await bench.run(OPENAI).expect(201);
    expect(headers['execution-persistence']).toBe('journaled');
    await lookThrice();
    expect(await statusOf(body.id as string)).toBe('running');
    await findSettle();
    while (get(Settlements).missedCount > 0) await get(Settlements).replay();
    expect(await bench.read(body.id as string)).toMatchObject({
      ...{ status: 'completed', attempts: [{ status: 'succeeded' }] },
    });
  });

  it('is none whose start is still to be answered', async () => {
    const start = newStart();
    const id = await forget(start);
    await hold('execution_requests');
    const starting = get(ExecutionStarts).start(start, NOTHING_ASSUMED);
    const refused = expect(starting).rejects.toMatchObject({ code: 'ledger_unavailable' });
    await lookThrice();
    expect(await statusOf(id)).toBe('running');
    await letGo();
    await refused;
  });

  it('is none whose start was not heard of: that one was not sent', async () => {
    const start = newStart();
    const id = await forget(start);
    await loseSettle();
    get(ExecutionStarts).note(start);
    await lookThrice();
    expect(await statusOf(id)).toBe('running');
    await findSettle();
    await ended(id);
    expect(await bench.read(id)).toMatchObject({
      ...{ status: 'failed', error: { category: 'ledger_unavailable', billed: 'no' } },
    });
  });

  it('is none that it is just taking out of the queue', async () => {
    const worker = get(ExecutionWorker);
    await get(ExecutionQueue).stopFetching();
    const { body } = await bench.run(OPENAI).set('Prefer', 'respond-async').expect(202);
    const [id, { workspaceId }] = [body.id as string, bench.app];
    await hold('api_keys');
    const handling = worker['handle']({ executionId: id, workspaceId });
    await until('the worker to ask for the key', async () => {
      const waiting = await sql(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return waiting.length > 0 ? true : null;
    });
    // As if the answer to its claim were on its way.
    await sql('SELECT * FROM claim_execution($1, $2, $3, NULL)', [
      ...[id, workspaceId, get(ServerIdentity).id],
    ]);
    await lookThrice();
    expect(await statusOf(id)).toBe('running');
    await letGo();
    await handling;
    await look();
    await look();
    expect(await statusOf(id)).toBe('interrupted');
  });

  it('ends as it ended when it is the database that lost its end', async () => {
    const { body } = await bench.run(OPENAI).expect(201);
    const runner = bench.app.database.dataSource.createQueryRunner();
    await runner.query('SET session_replication_role = replica');
    for (const table of ['attempt_outcomes', 'execution_outputs']) {
      await runner.query(`DELETE FROM ${table} WHERE execution_id = $1`, [body.id]);
    }
    await runner.query(
      `UPDATE agent_executions SET status = 'running', owner_id = $2, completed_at = NULL WHERE id = $1`,
      [body.id, get(ServerIdentity).id],
    );
    await runner.query('RESET session_replication_role');
    await runner.release();
    await look();
    expect(await statusOf(body.id as string)).toBe('running');
    await look();
    expect(await bench.read(body.id as string)).toMatchObject({
      ...{ status: 'completed', output: body.output, usage: body.usage },
      attempts: [{ number: 1, status: 'succeeded', billed: 'yes' }],
    });
  });
});
