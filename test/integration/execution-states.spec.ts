import { v7 as uuidv7 } from 'uuid';
import {
  EXECUTION_STATUSES,
  type ExecutionStatus,
  mayBecome,
} from '../../src/executions/ledger/execution-status';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

const TERMINAL: readonly ExecutionStatus[] = ['completed', 'failed', 'cancelled', 'interrupted'];

describe('the ledger, whoever writes to it', () => {
  let database: TestDatabase;
  const workspaceId = uuidv7();

  beforeAll(async () => {
    database = await createTestDatabase();
    await sql(`INSERT INTO workspaces (id, name) VALUES ($1, 'Ledger')`, [workspaceId]);
  });

  afterAll(async () => {
    await database.drop();
  });

  const sql = (text: string, values: unknown[] = []) => database.dataSource.query(text, values);

  /** An execution that breaks no rule but perhaps the one under test. */
  const insert = async (status: string, changes: Record<string, unknown> = {}) => {
    const now = new Date();
    const row = {
      id: uuidv7(),
      workspace_id: workspaceId,
      agent_id: 'ledger',
      provider: 'echo',
      model: 'echo',
      status,
      input_tokens: 1,
      output_tokens: 1,
      usage_source: 'provider',
      created_at: now,
      deadline_at: now,
      completed_at: TERMINAL.includes(status as ExecutionStatus) ? now : null,
      owner_id: status === 'running' ? uuidv7() : null,
      ...changes,
    };
    const names = Object.keys(row);
    const places = names.map((_, index) => `$${index + 1}`).join(', ');
    await sql(
      `INSERT INTO agent_executions (${names.join(', ')}) VALUES (${places})`,
      Object.values(row),
    );
    return row.id;
  };
  const insertOutcome = async (changes: Record<string, unknown> = {}) => {
    const row = {
      execution_id: uuidv7(),
      attempt_number: 1,
      revision: 1,
      workspace_id: workspaceId,
      billed: 'no',
      latency_ms: 1,
      ended_at: new Date(),
      ...changes,
    };
    const names = Object.keys(row);
    const places = names.map((_, index) => `$${index + 1}`).join(', ');
    await sql(
      `INSERT INTO attempt_outcomes (${names.join(', ')}) VALUES (${places})`,
      Object.values(row),
    );
    return row.execution_id;
  };

  const pairs = EXECUTION_STATUSES.flatMap((from) =>
    EXECUTION_STATUSES.map((to) => [from, to] as const),
  );

  it('knows six statuses, hence 36 moves, of which ten are allowed', () => {
    expect(pairs).toHaveLength(36);
    expect(pairs.filter(([from, to]) => mayBecome(from, to))).toEqual([
      ['queued', 'running'],
      ['queued', 'failed'],
      ['queued', 'cancelled'],
      ['running', 'queued'],
      ['running', 'completed'],
      ['running', 'failed'],
      ['running', 'cancelled'],
      ['running', 'interrupted'],
      ['interrupted', 'completed'],
      ['interrupted', 'failed'],
    ]);
  });

  it.each(pairs)('agrees with the application on %s → %s', async (from, to) => {
    const id = await insert(from);
    const move = sql(
      `UPDATE agent_executions SET status = $1, completed_at = $2, owner_id = $3 WHERE id = $4`,
      [to, TERMINAL.includes(to) ? new Date() : null, to === 'running' ? uuidv7() : null, id],
    );
    if (mayBecome(from, to)) {
      await move;
    } else {
      await expect(move).rejects.toMatchObject({
        code: '23514',
        constraint: 'agent_executions_transition',
      });
    }
    const [row] = (await sql(`SELECT status FROM agent_executions WHERE id = $1`, [id])) as {
      status: string;
    }[];
    expect(row!.status).toBe(mayBecome(from, to) ? to : from);
  });

  it.each([
    ['an unknown status', 'paused', {}, 'agent_executions_status_known'],
    ['an end without its time', 'failed', { completed_at: null }, 'agent_executions_terminal'],
    [
      'a time of the end before it',
      'running',
      { completed_at: new Date() },
      'agent_executions_terminal',
    ],
    [
      'a success without usage',
      'completed',
      { input_tokens: null },
      'agent_executions_completed_metered',
    ],
    [
      'a success counted by nobody',
      'completed',
      { usage_source: null },
      'agent_executions_completed_metered',
    ],
    ['a negative cost', 'completed', { cost_nano_usd: -1 }, 'agent_executions_cost'],
  ])('refuses %s', async (_name, status, changes, constraint) => {
    await expect(insert(status, changes)).rejects.toMatchObject({ code: '23514', constraint });
  });

  it('refuses an execution of no workspace', async () => {
    await expect(insert('running', { workspace_id: uuidv7() })).rejects.toMatchObject({
      code: '23503',
    });
  });

  it('only ever adds to the outcomes: a later finding is a new revision', async () => {
    const id = await insertOutcome();
    for (const change of [
      `billed = 'yes'`,
      'cost_nano_usd = 5',
      'latency_ms = 1',
      'revision = 2',
    ]) {
      await expect(
        sql(`UPDATE attempt_outcomes SET ${change} WHERE execution_id = $1`, [id]),
      ).rejects.toMatchObject({ code: '23514', constraint: 'attempt_outcomes_append_only' });
    }
    await expect(insertOutcome({ execution_id: id })).rejects.toMatchObject({ code: '23505' });
    await insertOutcome({ execution_id: id, revision: 2, billed: 'yes' });
    const rows = await sql(
      `SELECT revision, billed FROM attempt_outcomes WHERE execution_id = $1 ORDER BY revision`,
      [id],
    );
    expect(rows).toEqual([
      { revision: 1, billed: 'no' },
      { revision: 2, billed: 'yes' },
    ]);
  });

  it.each([
    [{ billed: 'perhaps' }, 'attempt_outcomes_billed'],
    [{ cost_nano_usd: -1 }, 'attempt_outcomes_cost'],
  ])('refuses the outcome %j', async (changes, constraint) => {
    await expect(insertOutcome(changes)).rejects.toMatchObject({ code: '23514', constraint });
  });

  it('refuses an attempt number that is none', async () => {
    await expect(
      sql(
        `INSERT INTO execution_attempts (execution_id, attempt_number, workspace_id, provider, model, started_at)
          VALUES ($1, 0, $2, 'echo', 'echo', now())`,
        [uuidv7(), workspaceId],
      ),
    ).rejects.toMatchObject({ code: '23514', constraint: 'execution_attempts_number' });
  });
});
