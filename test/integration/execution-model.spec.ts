import fc from 'fast-check';
import {
  mayBecome,
  type ExecutionStatus,
  isTerminal,
} from '../../src/executions/ledger/execution-status';
import { costOf, ExecutionModel, type Hold, type ModelExecution } from '../support/execution-model';
import { FAILED, LedgerBench, type LedgerServer, OUTCOME } from '../support/ledger-bench';

jest.setTimeout(180_000);

const RUNS = Number(process.env.KEYRUN_MODEL_RUNS ?? 50);
const SEED = Number(process.env.KEYRUN_DRILL_SEED ?? Date.now() % 2 ** 31);
const SERVERS = 3;
const MESSAGE = { category: 'cancelled', code: 'cancelled', message: 'Cancelled.' };

const DOES = [
  ...['start', 'queue', 'claim', 'attempt', 'outcome', 'complete', 'fail', 'settle cancelled'],
  ...['die', 'sweep', 'leave', 'cancel'],
] as const;

/** Numbers choose among what there is when the step is made. */
const STEP = fc.record({
  does: fc.constantFrom(...DOES),
  server: fc.nat(SERVERS - 1),
  execution: fc.nat(99),
  hold: fc.nat(99),
  cost: fc.option(fc.nat(1_000).map(BigInt)),
});
/** What chance alone seldom finds: between two attempts a server dies, and another one goes on. */
const WAITED = [
  'queue',
  'claim',
  'outcome',
  'die',
  'sweep',
  'claim',
  'complete',
  'cancel',
] as const;
/** A server that lost the execution to another one, and does not know it when that one is interrupted. */
const ZOMBIE = [
  ...['queue', 'claim', 'outcome', 'die', 'sweep', 'claim'],
  ...['complete', 'fail', 'die', 'sweep', 'fail'],
] as const;
/** A receipt that comes when its execution was given up already. */
const LATE = ['start', 'die', 'sweep', 'complete', 'complete', 'fail', 'sweep'] as const;
type Step = typeof STEP extends fc.Arbitrary<infer Value> ? Value : never;

/** One history: the ledger and the model make the same steps. */
class History {
  readonly model = new ExecutionModel();
  readonly servers: LedgerServer[] = [];
  readonly dead = new Set<number>();
  readonly seen = new Map<string, ExecutionStatus[]>();

  constructor(readonly bench: LedgerBench) {}

  async begin(): Promise<void> {
    for (let index = 0; index < SERVERS; index += 1) this.servers.push(await this.bench.server());
  }

  async make(step: Step): Promise<void> {
    const { model, bench } = this;
    const server = this.servers[step.server]!;
    const execution = model.executions.at(step.execution % (model.executions.length || 1));
    const hold = execution?.holds.at(step.hold % (execution.holds.length || 1));
    switch (step.does) {
      case 'start':
      case 'queue': {
        const mode = step.does === 'queue' ? 'async' : 'sync';
        const request = mode === 'async' ? Buffer.from('sealed') : null;
        const { id } = await bench.start(server, { mode, request });
        model.start(id, mode, step.server);
        // A server that starts something has its lease.
        await this.revive(step.server);
        return;
      }
      case 'die':
        await bench.expire(server.id);
        this.dead.add(step.server);
        return;
      case 'sweep':
        return this.sweep(null);
      case 'leave':
        return this.sweep(step.server);
      case 'claim':
        if (execution !== undefined) await this.claim(execution, step.server);
        return;
      case 'cancel':
        if (execution !== undefined) await this.cancel(execution);
        return;
      case 'attempt':
      case 'outcome':
      case 'complete':
      case 'fail':
      case 'settle cancelled':
        if (execution !== undefined && hold !== undefined) await this.act(step, execution, hold);
    }
  }

  /** What a server does with what it holds, or believes to hold. */
  private async act(step: Step, execution: ModelExecution, hold: Hold): Promise<void> {
    const { bench, model } = this;
    const server = this.servers[hold.server]!;
    const { fence, attempt: attemptNumber } = hold;
    const key = bench.key(execution.id, { fence, attemptNumber });
    if (step.does === 'outcome') {
      await server.ledger.recordOutcome(key, failedFor(step.cost));
      model.recordOutcome(execution, hold, step.cost);
    } else if (step.does === 'attempt') {
      // A server makes a further attempt only after the outcome of the one before.
      if (execution.attempts[attemptNumber - 1]!.costs.length === 0) return;
      const isNext = execution.attempts.length === attemptNumber;
      if (!isNext) return;
      const next = { ...key, attemptNumber: attemptNumber + 1 };
      const made = await server.ledger
        .startAttempt(next, { provider: 'echo', model: 'echo', apiKeyId: null })
        .then(
          () => true,
          () => false,
        );
      expect(made).toBe(model.attempt(execution, hold));
      if (made) execution.holds.push({ ...hold, attempt: attemptNumber + 1 });
    } else {
      await this.settle(step, execution, hold);
    }
  }

  private async settle(step: Step, execution: ModelExecution, hold: Hold): Promise<void> {
    const key = this.bench.key(execution.id, { fence: hold.fence, attemptNumber: hold.attempt });
    const status =
      step.does === 'complete' ? 'completed' : step.does === 'fail' ? 'failed' : 'cancelled';
    const before = execution.attempts.slice(0, hold.attempt);
    const last = before.pop()!;
    const isRecorded = last.billed === 'no';
    const cost = isRecorded ? (last.costs[0] ?? null) : status === 'completed' ? 5n : step.cost;
    // A server settles with its newest attempt, and a success with one that has not failed.
    const isNewest = !execution.holds.some((one) => {
      return one.fence === hold.fence && one.attempt > hold.attempt;
    });
    if (!isNewest || (isRecorded && status === 'completed')) return;
    const total = costOf({ ...execution, attempts: [...before, { ...last, costs: [cost] }] });
    const end = { status, cost, total } as const;
    const usage = status === 'completed' ? OUTCOME.usage : null;
    const outcome = { ...(status === 'completed' ? OUTCOME : failedFor(cost)), costNanoUsd: cost };
    const isSettled = await this.bench.settle(this.servers[hold.server]!, key, {
      ...(status === 'completed' ? {} : FAILED),
      ...{ status, outcome, totals: { usage, costNanoUsd: total } },
    });
    expect(isSettled).toBe(this.model.settle(execution, hold, end));
  }

  private async sweep(leaving: number | null): Promise<void> {
    const moved = await this.bench.sweep(leaving === null ? null : this.servers[leaving]!.id);
    const isGone = (server: number) =>
      leaving === null ? this.dead.has(server) : server === leaving;
    const ids = moved.map((row) => row.execution_id);
    expect(ids.sort()).toEqual(this.model.sweep(isGone).sort());
  }

  private async claim(execution: ModelExecution, server: number): Promise<void> {
    const claimed = await this.bench.claim(this.servers[server]!, execution.id);
    const hold = this.model.claim(execution, server);
    expect(claimed).toEqual(hold && { fence: hold.fence, attempt_number: hold.attempt });
    if (claimed !== null) await this.revive(server);
  }

  private async revive(server: number): Promise<void> {
    this.dead.delete(server);
    const told = await this.bench.renew(this.servers[server]!.id);
    const asked = this.model.executions.filter((one) => {
      return one.cancelAsked && one.status === 'running' && one.owner === server;
    });
    expect(told.sort()).toEqual(asked.map(({ id }) => id).sort());
  }

  private async cancel(execution: ModelExecution): Promise<void> {
    await this.bench.database.runtime.query('SELECT request_cancellation($1, $2, $3)', [
      execution.id,
      this.bench.workspaceId,
      JSON.stringify(MESSAGE),
    ]);
    this.model.requestCancellation(execution);
  }

  /** The ledger says what the model says, and no move was illegal. */
  async compare(): Promise<void> {
    for (const execution of this.model.executions) {
      const row = await this.bench.row(execution.id);
      const { status, fence, cost } = execution;
      const owner = execution.owner === null ? null : this.servers[execution.owner]!.id;
      expect({ ...row, error: undefined }).toEqual({
        ...{ status, fence, error: undefined, owner_id: owner },
        cost: cost === null ? null : String(cost),
      });
      this.follow(execution);
      const outcomes = await this.bench.outcomes(execution.id);
      expect(outcomes.map(({ attempt, revision }) => [attempt, revision])).toEqual(
        execution.attempts.flatMap(({ costs }, attempt) =>
          costs.map((_, revision) => [attempt + 1, revision + 1]),
        ),
      );
      const open = execution.attempts.filter(({ costs }) => costs.length === 0);
      expect(open.length).toBeLessThanOrEqual(status === 'running' ? 1 : 0);
      if (isTerminal(status)) expect(cost).toBe(costOf(execution));
    }
  }

  private follow({ id, status }: ModelExecution): void {
    const path = this.seen.get(id) ?? [];
    const before = path.at(-1);
    if (before === status) return;
    if (before !== undefined)
      expect([before, status, mayBecome(before, status)]).toEqual([before, status, true]);
    this.seen.set(id, [...path, status]);
  }
}

function failedFor(cost: bigint | null) {
  return {
    ...OUTCOME,
    errorCategory: 'server_error',
    billed: 'no',
    usage: null,
    costNanoUsd: cost,
  } as const;
}

function stepsOf(names: readonly Step['does'][]): Step[] {
  return names.map((does) => ({ does, server: 0, execution: 0, hold: 0, cost: 3n }));
}

describe('the ledger beside a model of it', () => {
  let bench: LedgerBench;

  beforeAll(async () => {
    bench = await LedgerBench.start();
  });

  afterAll(async () => {
    await bench.close();
  });

  it(`agrees after every step of ${RUNS} histories (seed ${SEED})`, async () => {
    const statuses = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.array(STEP, { minLength: 5, maxLength: 30 }), async (steps) => {
        await bench.database.dataSource.query(
          'TRUNCATE agent_executions, execution_attempts, attempt_outcomes, execution_outputs, execution_requests, servers',
        );
        const history = new History(bench);
        await history.begin();
        for (const step of steps) {
          await history.make(step);
          await history.compare();
        }
        for (const path of history.seen.values()) statuses.add(path.join(' → '));
      }),
      {
        examples: [[stepsOf(WAITED)], [stepsOf(LATE)], [stepsOf(ZOMBIE)]],
        numRuns: RUNS,
        seed: SEED,
        endOnFailure: process.env.CI === undefined,
      },
    );
    // A model that is led nowhere proves nothing.
    expect([...statuses].some((path) => path.includes('interrupted → '))).toBe(true);
    expect([...statuses].some((path) => path.includes('queued → running → queued'))).toBe(true);
  });
});
