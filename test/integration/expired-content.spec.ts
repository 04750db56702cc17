import { LedgerBench, type LedgerServer } from '../support/ledger-bench';

/** Everything that is there now has waited longer than this. */
const LONGER_THAN_HOURS = -1;

describe('content that its workspace does not keep', () => {
  let bench: LedgerBench;
  let server: LedgerServer;

  beforeAll(async () => {
    bench = await LedgerBench.start();
    server = await bench.server();
  });

  afterAll(async () => {
    await bench.close();
  });

  const request = Buffer.alloc(60, 1);
  const started = async (mode: 'sync' | 'async') =>
    (await bench.start(server, { mode, request })).id;
  const expire = (storeContent: 'full' | 'metadata') =>
    bench.database.runtime.query('SELECT delete_expired($1, $2)', [
      storeContent,
      LONGER_THAN_HOURS,
    ]);
  const kept = async () => {
    const rows = await bench.database.dataSource.query<{ id: string }[]>(
      `SELECT execution_id AS id FROM execution_requests UNION ALL SELECT execution_id FROM execution_outputs`,
    );
    return rows.map(({ id }) => id).sort();
  };

  it('is deleted when nobody can ask for it any more, but not what an execution that waits is to ask', async () => {
    const ended = await started('sync');
    await bench.settle(server, bench.key(ended));
    const running = await started('sync');
    const queued = await started('async');
    const all = [ended, ended, running, queued].sort();
    expect(await kept()).toEqual(all);
    await expire('full');
    expect(await kept()).toEqual(all);
    await expire('metadata');
    expect(await kept()).toEqual([running, queued].sort());
    await bench.settle(server, bench.key(running));
    await expire('metadata');
    expect(await kept()).toEqual([queued]);
  });
});
