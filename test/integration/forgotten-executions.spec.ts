import { v7 as uuidv7 } from 'uuid';
import { FAILED, LedgerBench, type LedgerServer, OUTCOME } from '../support/ledger-bench';

describe('an execution that a living server forgot, in the ledger', () => {
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

  const list = (known: string[] = [], most = 100) =>
    bench.database.runtime.query<object[]>(
      'SELECT execution_id AS id, fence FROM list_unknown_executions($1, $2, $3)',
      [server.id, known, most],
    );
  const interrupt = async (id: string, fence = 1, serverId = server.id) => {
    const [row] = await bench.database.runtime.query<[{ status: string | null }]>(
      'SELECT interrupt_forgotten_execution($1, $2, $3, $4) AS status',
      [serverId, id, fence, 'It was forgotten.'],
    );
    return row.status;
  };

  it('is what it runs and does not know, and nothing of another server', async () => {
    const [first, second] = [await bench.start(server), await bench.start(server)];
    await bench.start(await bench.server());
    const { id: ended } = await bench.start(server);
    await bench.settle(server, bench.key(ended));
    await bench.start(server, { mode: 'async', request: Buffer.from('sealed') });
    expect(await list()).toEqual([
      { id: first.id, fence: 1 },
      { id: second.id, fence: 1 },
    ]);
    expect(await list([], 1)).toEqual([{ id: first.id, fence: 1 }]);
    expect(await list([first.id, uuidv7()])).toEqual([{ id: second.id, fence: 1 }]);
  });

  it('is interrupted like one of a dead server, and a late receipt completes it, once', async () => {
    const { id } = await bench.start(server);
    expect(await interrupt(id)).toBe('interrupted');
    expect(await bench.row(id)).toMatchObject({
      ...{ status: 'interrupted', fence: 2, owner_id: null },
      error: { category: 'interrupted', billed: 'unknown', message: 'It was forgotten.' },
    });
    expect(await interrupt(id)).toBeNull();
    expect(await bench.settle(server, bench.key(id))).toBe(true);
    expect(await bench.settle(server, bench.key(id), FAILED)).toBe(false);
    expect(await bench.outcomes(id)).toEqual([
      { attempt: 1, revision: 1, category: 'interrupted', billed: 'unknown' },
      { attempt: 1, revision: 2, category: null, billed: 'yes' },
    ]);
  });

  it('is nothing that has ended, nor under another fence or of another server', async () => {
    const { id } = await bench.start(server);
    const { id: bystander } = await bench.start(server);
    expect(await interrupt(id, 2)).toBeNull();
    expect(await interrupt(id, 1, (await bench.server()).id)).toBeNull();
    expect(await bench.row(id)).toMatchObject({ status: 'running', owner_id: server.id });
    await bench.settle(server, bench.key(id));
    expect(await interrupt(id)).toBeNull();
    expect((await bench.row(id)).status).toBe('completed');
    expect((await bench.row(bystander)).status).toBe('running');
  });

  it('goes back to the queue where nobody waits for it and no call was in flight', async () => {
    const { id } = await bench.start(server, { mode: 'async', request: Buffer.from('sealed') });
    await bench.claim(server, id);
    const key = bench.key(id, { fence: 2 });
    await server.ledger.recordOutcome(key, { ...OUTCOME, ...FAILED.outcome });
    expect(await interrupt(id, 2)).toBe('queued');
    expect(await bench.claim(server, id)).toEqual({ fence: 4, attempt_number: 2 });
  });

  it('ends as completed or as interrupted and then completed when its receipt comes at once', async () => {
    for (let round = 0; round < 50; round += 1) {
      const { id } = await bench.start(server);
      const settle = () => bench.settle(server, bench.key(id));
      const [status, settled] = await Promise.all([interrupt(id), settle()]);
      if (!settled) expect([status, await settle()]).toEqual(['interrupted', true]);
      expect((await bench.row(id)).status).toBe('completed');
    }
  });

  it('ends however long ago it started, as do those of dead servers', async () => {
    const other = await bench.server();
    const ids = [(await bench.start(server)).id, (await bench.start(other)).id];
    const long = `now() - interval '40 days'`;
    const { dataSource } = bench.database;
    await dataSource.query(`UPDATE agent_executions SET started_at = ${long} WHERE id = ANY ($1)`, [
      ids,
    ]);
    await dataSource.query(
      `UPDATE execution_attempts SET started_at = ${long} WHERE execution_id = ANY ($1)`,
      [ids],
    );
    expect(await interrupt(ids[0]!)).toBe('interrupted');
    await bench.expire(other.id);
    expect(await bench.sweep()).toEqual([{ execution_id: ids[1], status: 'interrupted' }]);
  });
});
