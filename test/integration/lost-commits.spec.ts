import { v7 as uuidv7 } from 'uuid';
import {
  type AttemptKey,
  attemptRow,
  type ExecutionStart,
  type LostStart,
  outcomeRow,
} from '../../src/executions/ledger/ledger-rows';
import { FAILED, LedgerBench, type LedgerServer, OUTCOME } from '../support/ledger-bench';

const ECHO = { provider: 'echo', model: 'echo', apiKeyId: null };
const STARTED_AT = '2026-11-24T11:59:59.000Z';

const laterAttempt = (key: AttemptKey) => ({ ...attemptRow(key, ECHO), started_at: STARTED_AT });

describe('an execution that the database lost with its last commits', () => {
  let bench: LedgerBench;
  let server: LedgerServer;

  beforeAll(async () => {
    bench = await LedgerBench.start();
  });

  afterAll(async () => {
    await bench.close();
  });

  beforeEach(async () => {
    server = await bench.server();
  });

  /** As its server remembers it: one attempt that failed, and a second one. */
  function remembered(more: Partial<ExecutionStart> = {}): LostStart & { id: string } {
    const id = uuidv7();
    const start = server.ledger.rowOf({
      ...ECHO,
      ...{ id, workspaceId: bench.workspaceId, agentId: 'agent', metadata: { ticket: 7 } },
      ...{ timeoutMs: 60_000, mode: 'sync', request: null, idempotency: null },
      ...more,
    });
    return {
      ...{ id, start },
      attempts: [laterAttempt(bench.key(id, { attemptNumber: 2 }))],
      outcomes: [outcomeRow(bench.key(id), { ...OUTCOME, ...FAILED.outcome })],
    };
  }

  const settle = (lost: LostStart & { id: string }, more: object = {}) => {
    const key = bench.key(lost.id, { attemptNumber: 2, ...more });
    return bench.settle(server, key, { lostStart: lost });
  };

  it('is made again, with every attempt, and ends', async () => {
    const lost = remembered({ idempotency: { key: 'lost', fingerprint: 'f' } });
    expect(await settle(lost)).toBe(true);
    expect(await bench.row(lost.id)).toMatchObject({
      status: 'completed',
      owner_id: null,
      fence: 1,
    });
    expect(await bench.outcomes(lost.id)).toMatchObject([
      { attempt: 1, revision: 1, billed: 'no' },
      { attempt: 2, revision: 1, billed: 'yes' },
    ]);
    const again = await bench.start(server, { idempotency: { key: 'lost', fingerprint: 'f' } });
    expect(again.takenBy).toBe(lost.id);
  });

  it('is made again without its key when somebody used that since', async () => {
    const idempotency = { key: 'used since', fingerprint: 'f' };
    const lost = remembered({ idempotency });
    const { id } = await bench.start(server, { idempotency });
    expect(await settle(lost)).toBe(true);
    expect((await bench.row(lost.id)).status).toBe('completed');
    expect((await bench.start(server, { idempotency })).takenBy).toBe(id);
  });

  it('ends when the statement that makes it again is carried out after all', async () => {
    const lost = remembered();
    const earlier = bench.database.runtime.createQueryRunner();
    await earlier.startTransaction();
    await earlier.query('SELECT start_executions($1)', [JSON.stringify([lost.start])]);
    const settled = settle(lost);
    await bench.untilSomeoneWaits();
    await earlier.commitTransaction();
    await earlier.release();
    expect(await settled).toBe(true);
    expect((await bench.row(lost.id)).status).toBe('completed');
    expect(await bench.outcomes(lost.id)).toHaveLength(2);
  });

  it('is not made again when it is there and has ended', async () => {
    const lost = remembered();
    expect(await settle(lost)).toBe(true);
    expect(await settle(lost)).toBe(false);
    expect(await bench.outcomes(lost.id)).toHaveLength(2);
  });

  it('is not made again in a workspace that was deleted', async () => {
    const lost = remembered({ workspaceId: uuidv7() });
    expect(await settle(lost, { workspaceId: lost.start!.workspace_id })).toBe(false);
    expect(await bench.row(lost.id)).toBeUndefined();
  });

  describe('of which only the latest attempts are lost', () => {
    /** Started and committed; what came later is only remembered. */
    async function begun(): Promise<LostStart & { id: string }> {
      const lost = remembered();
      await bench.database.runtime.query('SELECT start_executions($1)', [
        JSON.stringify([lost.start]),
      ]);
      return lost;
    }

    const attempts = (id: string) =>
      bench.database.dataSource.query<{ number: number; at: Date }[]>(
        `SELECT attempt_number AS number, started_at AS at FROM execution_attempts
          WHERE execution_id = $1 ORDER BY 1`,
        [id],
      );

    it('ends with every attempt and outcome', async () => {
      const lost = await begun();
      expect(await attempts(lost.id)).toHaveLength(1);
      expect(await settle(lost)).toBe(true);
      expect((await bench.row(lost.id)).status).toBe('completed');
      expect(await attempts(lost.id)).toMatchObject([
        { number: 1 },
        { number: 2, at: new Date(STARTED_AT) },
      ]);
      expect(await bench.outcomes(lost.id)).toMatchObject([
        { attempt: 1, revision: 1, category: 'server_error', billed: 'no' },
        { attempt: 2, revision: 1, billed: 'yes' },
      ]);
    });

    it('keeps what is there', async () => {
      const lost = await begun();
      await server.ledger.recordOutcome(bench.key(lost.id), OUTCOME);
      await server.ledger.startAttempt(bench.key(lost.id, { attemptNumber: 2 }), ECHO);
      expect(await settle(lost)).toBe(true);
      const [, second] = await attempts(lost.id);
      expect(second!.at).not.toEqual(new Date(STARTED_AT));
      expect(await bench.outcomes(lost.id)).toMatchObject([
        { attempt: 1, revision: 1, category: null, billed: 'yes' },
        { attempt: 2, revision: 1 },
      ]);
    });

    it('is completed by a late receipt, which corrects what the sweep guessed', async () => {
      const lost = await begun();
      await bench.expire(server.id);
      expect(await bench.sweep()).toMatchObject([{ execution_id: lost.id, status: 'interrupted' }]);
      expect(await settle(lost)).toBe(true);
      expect((await bench.row(lost.id)).status).toBe('completed');
      expect(await bench.outcomes(lost.id)).toMatchObject([
        { attempt: 1, revision: 1, category: 'interrupted', billed: 'unknown' },
        { attempt: 1, revision: 2, category: 'server_error', billed: 'no' },
        { attempt: 2, revision: 1, category: 'interrupted', billed: 'unknown' },
        { attempt: 2, revision: 2, category: null, billed: 'yes' },
      ]);
      expect(await settle(lost)).toBe(false);
      expect(await bench.outcomes(lost.id)).toHaveLength(4);
    });

    it('writes nothing under a fence that is behind, nor in another workspace', async () => {
      const lost = await begun();
      expect(await settle(lost, { fence: 0 })).toBe(false);
      expect(await settle(lost, { workspaceId: uuidv7() })).toBe(false);
      expect(await attempts(lost.id)).toHaveLength(1);
      expect(await bench.outcomes(lost.id)).toEqual([]);
      expect((await bench.row(lost.id)).status).toBe('running');
    });

    it('of an asynchronous one also its claim: the receipt takes it out of the queue', async () => {
      const { id } = await bench.start(server, { mode: 'async', request: Buffer.from('sealed') });
      const key = bench.key(id, { fence: 2 });
      const lostStart = { start: null, attempts: [laterAttempt(key)], outcomes: [] };
      expect((await bench.row(id)).status).toBe('queued');
      expect(await bench.settle(server, key, { lostStart })).toBe(true);
      expect(await bench.row(id)).toMatchObject({ status: 'completed', fence: 2, owner_id: null });
      expect(await attempts(id)).toMatchObject([{ number: 1, at: new Date(STARTED_AT) }]);
      expect(await bench.outcomes(id)).toMatchObject([{ attempt: 1, revision: 1, billed: 'yes' }]);
      expect(await bench.settle(server, key, { lostStart })).toBe(false);
    });
  });
});
