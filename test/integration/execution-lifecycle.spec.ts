import { v7 as uuidv7 } from 'uuid';
import { FAILED, LedgerBench, type LedgerServer, OUTCOME } from '../support/ledger-bench';

describe('the life of an execution in the ledger', () => {
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

  const dead = async () => {
    const other = await bench.server();
    const { id } = await bench.start(other);
    await bench.expire(other.id);
    return { other, id };
  };

  it('belongs to the server that started it until it ends', async () => {
    const { id } = await bench.start(server);
    expect(await bench.row(id)).toMatchObject({ status: 'running', owner_id: server.id, fence: 1 });
    expect(await bench.settle(server, bench.key(id))).toBe(true);
    expect(await bench.row(id)).toMatchObject({ status: 'completed', owner_id: null, cost: '5' });
    expect(await bench.outcomes(id)).toEqual([
      { attempt: 1, revision: 1, category: null, billed: 'yes' },
    ]);
  });

  it('is settled once, whatever is told later', async () => {
    const { id } = await bench.start(server);
    expect(await bench.settle(server, bench.key(id))).toBe(true);
    expect(await bench.settle(server, bench.key(id), FAILED)).toBe(false);
    expect(await bench.settle(server, bench.key(id))).toBe(false);
    expect((await bench.row(id)).status).toBe('completed');
    expect(await bench.outcomes(id)).toHaveLength(1);
  });

  it('is interrupted when its server died with a call in flight, and may have been billed', async () => {
    const { id } = await dead();
    expect(await bench.sweep()).toEqual([{ execution_id: id, status: 'interrupted' }]);
    expect(await bench.row(id)).toMatchObject({
      status: 'interrupted',
      fence: 2,
      owner_id: null,
      error: { category: 'interrupted', billed: 'unknown', retryable: true },
    });
    expect(await bench.outcomes(id)).toEqual([
      { attempt: 1, revision: 1, category: 'interrupted', billed: 'unknown' },
    ]);
    expect(await bench.sweep()).toEqual([]);
  });

  it('is left alone while its server is alive', async () => {
    const { id } = await bench.start(server);
    expect(await bench.sweep()).toEqual([]);
    expect((await bench.row(id)).status).toBe('running');
  });

  it('is completed by a late receipt, once', async () => {
    const { other, id } = await dead();
    await bench.sweep();
    expect(await bench.settle(other, bench.key(id))).toBe(true);
    expect(await bench.row(id)).toMatchObject({ status: 'completed', cost: '5', error: null });
    expect(await bench.outcomes(id)).toEqual([
      { attempt: 1, revision: 1, category: 'interrupted', billed: 'unknown' },
      { attempt: 1, revision: 2, category: null, billed: 'yes' },
    ]);
    expect(await bench.settle(other, bench.key(id), FAILED)).toBe(false);
  });

  it('is not ended by a receipt of a server that had lost it before it was interrupted', async () => {
    const [first, second] = [await bench.server(), await bench.server()];
    const { id } = await bench.start(first, { mode: 'async', request: Buffer.from('sealed') });
    await bench.claim(first, id);
    const stale = bench.key(id, { fence: 2 });
    await first.ledger.recordOutcome(stale, { ...OUTCOME, ...FAILED.outcome });
    await bench.expire(first.id);
    await bench.sweep();
    await bench.claim(second, id);
    await bench.expire(second.id);
    expect(await bench.sweep()).toEqual([{ execution_id: id, status: 'interrupted' }]);
    expect(await bench.settle(first, stale, FAILED)).toBe(false);
    expect((await bench.row(id)).error).toMatchObject({ billed: 'unknown' });
    const receipt = bench.key(id, { fence: 4, attemptNumber: 2 });
    expect(await bench.settle(second, receipt)).toBe(true);
  });

  it('takes no attempt of a server that was taken for dead', async () => {
    const { other, id } = await dead();
    await bench.sweep();
    const attempt = other.ledger.startAttempt(bench.key(id, { attemptNumber: 2 }), {
      provider: 'echo',
      model: 'echo',
      apiKeyId: null,
    });
    await expect(attempt).rejects.toMatchObject({ code: 'not_found' });
  });

  it('fails, unbilled, when its server died in the wait between two attempts', async () => {
    const { other, id } = await dead();
    await other.ledger.recordOutcome(bench.key(id), { ...OUTCOME, ...FAILED.outcome });
    expect(await bench.sweep()).toEqual([{ execution_id: id, status: 'failed' }]);
    expect((await bench.row(id)).error).toMatchObject({ category: 'interrupted', billed: 'no' });
    expect(await bench.outcomes(id)).toHaveLength(1);
    expect(await bench.settle(other, bench.key(id))).toBe(false);
  });

  it('goes back to the queue from such a wait when nobody waits for it, and counts on', async () => {
    const other = await bench.server();
    const { id } = await bench.start(other, { mode: 'async', request: Buffer.from('sealed') });
    expect((await bench.row(id)).status).toBe('queued');
    expect(await bench.claim(other, id)).toEqual({ fence: 2, attempt_number: 1 });
    expect(await bench.claim(server, id)).toBeNull();
    await other.ledger.recordOutcome(bench.key(id, { fence: 2 }), {
      ...OUTCOME,
      ...FAILED.outcome,
    });
    await bench.expire(other.id);
    expect(await bench.sweep()).toEqual([{ execution_id: id, status: 'queued' }]);
    expect(await bench.claim(server, id)).toEqual({ fence: 4, attempt_number: 2 });
    expect(await bench.settle(other, bench.key(id, { fence: 2 }))).toBe(false);
    expect(await bench.settle(server, bench.key(id, { fence: 4, attemptNumber: 2 }))).toBe(true);
  });

  it('is ended at once by a server that shuts down', async () => {
    const { id } = await bench.start(server);
    expect(await bench.sweep(server.id)).toEqual([{ execution_id: id, status: 'interrupted' }]);
  });

  it('is swept by many servers at once without being swept twice', async () => {
    const other = await bench.server();
    const ids = await Promise.all(
      Array.from({ length: 300 }, async () => (await bench.start(other)).id),
    );
    await bench.expire(other.id);
    const swept: string[] = [];
    while (swept.length < ids.length) {
      const rounds = await Promise.all(Array.from({ length: 8 }, () => bench.sweep()));
      expect(rounds.flat().length).toBeGreaterThan(0);
      swept.push(...rounds.flat().map((row) => row.execution_id));
    }
    expect(swept.sort()).toEqual(ids.sort());
    const [{ count }] = await bench.database.dataSource.query(
      `SELECT count(*)::integer AS count FROM attempt_outcomes WHERE execution_id = ANY ($1)`,
      [ids],
    );
    expect(count).toBe(300);
  });

  it('ends as completed or as interrupted and then completed when both come at once', async () => {
    for (let round = 0; round < 100; round += 1) {
      const { other, id } = await dead();
      await Promise.all([bench.sweep(), bench.settle(other, bench.key(id))]);
      await bench.settle(other, bench.key(id));
      expect((await bench.row(id)).status).toBe('completed');
      const latest = (await bench.outcomes(id)).at(-1);
      expect(latest).toMatchObject({ category: null, billed: 'yes' });
    }
  });

  it('tells its server once that it is to be cancelled, and only what runs', async () => {
    const { id } = await bench.start(server);
    const cancel = (executionId: string, workspaceId = bench.workspaceId) =>
      bench.database.runtime.query('SELECT status FROM request_cancellation($1, $2, $3)', [
        executionId,
        workspaceId,
        JSON.stringify({ category: 'cancelled' }),
      ]);
    expect(await cancel(id, uuidv7())).toEqual([]);
    expect(await bench.renew(server.id)).toEqual([]);
    expect(await cancel(id)).toEqual([{ status: 'running' }]);
    expect(await bench.renew(server.id)).toEqual([id]);
    await bench.settle(server, bench.key(id));
    expect(await bench.renew(server.id)).toEqual([]);
    expect(await cancel(id)).toEqual([{ status: 'completed' }]);

    const { id: queued } = await bench.start(server, { mode: 'async' });
    expect(await cancel(queued)).toEqual([{ status: 'cancelled' }]);
    expect(await bench.claim(server, queued)).toBeNull();
  });

  it('gives its key back when its start was refused, and to nobody else', async () => {
    const idempotency = { key: 'given back', fingerprint: 'f' };
    const { id } = await bench.start(server, { idempotency });
    const again = () => bench.start(server, { idempotency });
    expect(await again()).toMatchObject({ takenBy: id, takenFingerprint: 'f' });
    await server.ledger.releaseKey(uuidv7(), id);
    await server.ledger.releaseKey(bench.workspaceId, uuidv7());
    expect((await again()).takenBy).toBe(id);
    await server.ledger.releaseKey(bench.workspaceId, id);
    expect((await again()).takenBy).toBeNull();
  });

  it('is looked at again when its wake-up was lost', async () => {
    const { id } = await bench.start(server, { mode: 'async' });
    const overdue = async () =>
      (
        await bench.database.runtime.query<{ execution_id: string }[]>(
          'SELECT execution_id FROM take_overdue_executions(60, 100)',
        )
      ).map((row) => row.execution_id);
    expect(await overdue()).not.toContain(id);
    await bench.database.dataSource.query(
      `UPDATE agent_executions SET wake_up_at = now() - interval '61 s' WHERE id = $1`,
      [id],
    );
    expect(await overdue()).toContain(id);
    expect(await overdue()).not.toContain(id);
  });

  describe('when answers of the database get lost', () => {
    const second = (id: string) =>
      [
        bench.key(id, { attemptNumber: 2 }),
        { provider: 'echo', model: 'echo', apiKeyId: null },
      ] as const;
    const unsent = { attempt: 2, revision: 1, category: 'ledger_unavailable', billed: 'no' };

    it('fails with an outcome of the attempt that its server never heard of', async () => {
      const { id } = await bench.start(server);
      await server.ledger.recordOutcome(bench.key(id), { ...OUTCOME, ...FAILED.outcome });
      await server.ledger.startAttempt(...second(id));
      expect(await bench.settle(server, bench.key(id), FAILED)).toBe(true);
      expect(await bench.outcomes(id)).toMatchObject([{ attempt: 1, revision: 1 }, unsent]);
    });

    it('takes no attempt while its end is being written', async () => {
      const { id } = await bench.start(server);
      const runner = bench.database.dataSource.createQueryRunner();
      await runner.startTransaction();
      await runner.query(
        `UPDATE agent_executions SET status = 'failed', completed_at = now(), owner_id = NULL WHERE id = $1`,
        [id],
      );
      const attempt = server.ledger.startAttempt(...second(id));
      const refused = expect(attempt).rejects.toMatchObject({ code: 'not_found' });
      await bench.untilSomeoneWaits();
      await runner.commitTransaction();
      await runner.release();
      await refused;
    });

    it('ends only after an attempt that is being written, and closes it', async () => {
      const { id } = await bench.start(server);
      const runner = bench.database.runtime.createQueryRunner();
      await runner.startTransaction();
      await runner.query('SELECT * FROM start_attempts($1)', [
        JSON.stringify([
          {
            execution_id: id,
            attempt_number: 2,
            workspace_id: bench.workspaceId,
            fence: 1,
            provider: 'echo',
            model: 'echo',
          },
        ]),
      ]);
      const settled = bench.settle(server, bench.key(id), FAILED);
      await bench.untilSomeoneWaits();
      await runner.commitTransaction();
      await runner.release();
      expect(await settled).toBe(true);
      expect(await bench.outcomes(id)).toMatchObject([{ attempt: 1 }, unsent]);
    });
  });

  const startQueued = async () => {
    const { id } = await bench.start(server, { mode: 'async', request: Buffer.from('sealed') });
    const takeUp = async ({ id: serverId }: LedgerServer, workspaceId = bench.workspaceId) => {
      const [row] = await bench.database.runtime.query<{ lost: number | null }[]>(
        'SELECT take_up_execution($1, $2, $3) AS lost',
        [id, workspaceId, serverId],
      );
      return row!.lost;
    };
    return { id, takeUp };
  };

  it('does not count a server that died after it had claimed it', async () => {
    const { id, takeUp } = await startQueued();
    const waiting = await bench.server();
    await takeUp(waiting);
    const { fence, attempt_number: attemptNumber } = (await bench.claim(waiting, id))!;
    await waiting.ledger.recordOutcome(bench.key(id, { fence, attemptNumber }), {
      ...OUTCOME,
      ...FAILED.outcome,
    });
    await bench.expire(waiting.id);
    await bench.sweep();
    expect((await bench.row(id)).status).toBe('queued');
    expect(await takeUp(server)).toBe(0);
  });

  it('counts the servers that died between taking and claiming it, and no others', async () => {
    const { id, takeUp } = await startQueued();
    const [first, next, leaving] = [
      await bench.server(),
      await bench.server(),
      await bench.server(),
    ];
    expect(await takeUp(first, uuidv7())).toBeNull();
    expect(await takeUp(first)).toBe(0);
    expect(await takeUp(first)).toBe(0);
    expect(await takeUp(next)).toBe(0);
    expect(await takeUp(first)).toBe(0);
    await bench.expire(first.id);
    expect(await takeUp(leaving)).toBe(1);
    await bench.database.runtime.query('SELECT end_lease($1)', [leaving.id]);
    expect(await takeUp(next)).toBe(1);
    await bench.expire(next.id);
    expect(await takeUp(server)).toBe(2);
    await bench.claim(server, id);
    expect(await takeUp(server)).toBeNull();
  });
});
