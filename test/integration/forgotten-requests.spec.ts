import { COMPLETED, FAILED, LedgerBench, type LedgerServer } from '../support/ledger-bench';

const CANCELLED = { ...FAILED, status: 'cancelled' } as const;

describe('what an asynchronous execution asked, where its workspace keeps no content', () => {
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
    await keep('metadata');
  });

  const sql = <Row>(text: string, values: unknown[] = []) =>
    bench.database.dataSource.query<Row[]>(text, values);
  const keep = (storeContent: 'full' | 'metadata' | null) =>
    sql('UPDATE workspaces SET store_content = $1', [storeContent]);
  const enqueue = async (by = server) =>
    (await bench.start(by, { mode: 'async', request: Buffer.alloc(60, 1) })).id;
  const isKept = async (id: string) => {
    const found = await sql('SELECT FROM execution_requests WHERE execution_id = $1', [id]);
    return found.length > 0;
  };
  const endQueued = (id: string, status: 'failed' | 'cancelled') =>
    server.ledger.endQueued({ id, workspaceId: bench.workspaceId }, FAILED.error!, status);
  const settle = async (id: string, more: object) => {
    await bench.claim(server, id);
    expect(await isKept(id)).toBe(true);
    await bench.settle(server, bench.key(id, { fence: 2 }), more);
  };
  const die = async (id: string, billed?: 'no') => {
    const other = await bench.server();
    await bench.claim(other, id);
    if (billed !== undefined)
      await other.ledger.recordOutcome(bench.key(id, { fence: 2 }), FAILED.outcome!);
    await bench.expire(other.id);
    await bench.sweep();
    return other;
  };

  it.each([
    ['completed', (id: string) => settle(id, COMPLETED)],
    ['failed', (id: string) => settle(id, FAILED)],
    ['cancelled', (id: string) => settle(id, CANCELLED)],
    ['interrupted', (id: string) => die(id)],
    ['failed', (id: string) => endQueued(id, 'failed')],
    ['cancelled', (id: string) => endQueued(id, 'cancelled')],
  ])('is gone when it has %s', async (status, end) => {
    const id = await enqueue();
    const waiting = await enqueue();
    expect(await isKept(id)).toBe(true);
    await end(id);
    expect([(await bench.row(id)).status, await isKept(id)]).toEqual([status, false]);
    expect(await isKept(waiting)).toBe(true);
  });

  it('stays while it goes back to the queue, after which it ends with the time since its start', async () => {
    const id = await enqueue();
    await die(id, 'no');
    expect([(await bench.row(id)).status, await isKept(id)]).toEqual(['queued', true]);
    await sql(`UPDATE agent_executions SET started_at = now() - interval '1 hour' WHERE id = $1`, [
      id,
    ]);
    await endQueued(id, 'cancelled');
    const [ended] = await sql<{ latencyMs: number; tookMs: number }>(
      `SELECT latency_ms AS "latencyMs",
              round(extract(epoch FROM completed_at - started_at) * 1000)::integer AS "tookMs"
         FROM agent_executions WHERE id = $1`,
      [id],
    );
    expect(ended!.latencyMs).toBeGreaterThanOrEqual(3_600_000);
    expect(ended!.latencyMs).toBe(ended!.tookMs);
    expect(await isKept(id)).toBe(false);
  });

  it.each(['full', 'metadata'] as const)(
    'is kept or not as the server said that accepted it, where the workspace does not: %s',
    async (storeContent) => {
      await keep(null);
      const other = await bench.server({ KEYRUN_STORE_CONTENT: storeContent });
      const id = await enqueue(other);
      await settle(id, COMPLETED);
      expect(await isKept(id)).toBe(storeContent === 'full');
    },
  );

  it.each(['full', 'metadata'] as const)(
    'is kept or not as the workspace says by the end: %s',
    async (storeContent) => {
      await keep(storeContent === 'full' ? 'metadata' : 'full');
      const id = await enqueue();
      await keep(storeContent);
      await settle(id, COMPLETED);
      expect(await isKept(id)).toBe(storeContent === 'full');
    },
  );

  it('goes with the next maintenance where its workspace changes its mind after the end', async () => {
    await keep('full');
    const [ended, running, queued] = [await enqueue(), await enqueue(), await enqueue()];
    await settle(ended, COMPLETED);
    await bench.claim(server, running);
    const { id: sync } = await bench.start(server, { request: Buffer.alloc(60, 1) });
    await bench.settle(server, bench.key(sync));
    const maintain = () => bench.database.runtime.query(`SELECT delete_expired('full', 24)`);
    await maintain();
    expect(await isKept(ended)).toBe(true);
    await keep('metadata');
    await maintain();
    const kept = await Promise.all([ended, running, queued, sync].map(isKept));
    expect(kept).toEqual([false, true, true, true]);
    await keep(null);
  });
});
