import { LedgerBench, type LedgerServer } from '../support/ledger-bench';

const LEASE_MS = 10_000;

describe('the sweep of a server', () => {
  let bench: LedgerBench;
  let sweeper: LedgerServer;
  let orphan: string;

  beforeAll(async () => {
    bench = await LedgerBench.start();
  });

  afterAll(async () => {
    await bench.close();
  });

  beforeEach(async () => {
    sweeper = await bench.server();
    const dead = await bench.server();
    ({ id: orphan } = await bench.start(dead));
    await bench.expire(dead.id);
  });

  /** As if the server had held its lease for so long, and last renewed it so long ago. */
  const held = (forMs: number, renewedMsAgo: number) =>
    bench.database.dataSource.query(
      `UPDATE servers SET held_since = clock_timestamp() - $2::integer * interval '1 ms',
              lease_until = clock_timestamp() + ($3::integer - $4::integer) * interval '1 ms' WHERE id = $1`,
      [sweeper.id, forMs, LEASE_MS, renewedMsAgo],
    );
  const sweep = async () => {
    const rows = await bench.database.runtime.query<{ execution_id: string }[]>(
      'SELECT execution_id FROM sweep_executions($1, $2, 1000, $3)',
      [sweeper.id, LEASE_MS, 'The server ended.'],
    );
    return rows.some(({ execution_id: id }) => id === orphan);
  };

  it('ends what dead servers left when it has held its own lease for the length of one', async () => {
    await held(11_000, 1_000);
    expect(await sweep()).toBe(true);
  });

  it('ends nothing when it has held it for a shorter time: the others may be about to come back', async () => {
    await held(8_000, 1_000);
    expect(await sweep()).toBe(false);
  });

  it.each([6_000, 12_000])(
    'ends nothing when it renewed its lease %i ms ago: then the others could not either',
    async (renewedMsAgo) => {
      await held(60_000, renewedMsAgo);
      expect(await sweep()).toBe(false);
      // Its own renewal may be carried out first: it tells that there was a gap.
      await bench.renew(sweeper.id, LEASE_MS);
      expect(await sweep()).toBe(false);
    },
  );

  it('goes on after a renewal in time', async () => {
    await held(60_000, 4_000);
    await bench.renew(sweeper.id, LEASE_MS);
    expect(await sweep()).toBe(true);
  });

  it('of a server without a lease ends nothing', async () => {
    await bench.database.runtime.query('SELECT end_lease($1)', [sweeper.id]);
    expect(await sweep()).toBe(false);
  });
});
