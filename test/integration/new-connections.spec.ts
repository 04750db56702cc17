import { once } from 'node:events';
import type { PoolClient } from 'pg';
import { ProgressWatch } from '../../src/common';
import { WatchedPool } from '../../src/database/watched-pool';
import { DatabaseGate } from '../support/database-gate';
import { outcomeOf, REFUSED, SteppedWatch, turn } from '../support/stepped-watch';

const SIZE = 4;
/** Ticks without an answer that somebody may wait for a connection. */
const TICKS = 3;
/** What PostgreSQL says first: that it wants a login by SCRAM-SHA-256. */
const GREETING = Buffer.from('R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0', 'latin1');

describe('a pool whose server takes connections and does not answer', () => {
  let gate: DatabaseGate;
  let pool: WatchedPool;
  let busy: PoolClient;
  let stepped: SteppedWatch;

  beforeEach(async () => {
    gate = await DatabaseGate.start(process.env.KEYRUN_TEST_DATABASE_URL ?? '');
    stepped = new SteppedWatch(TICKS);
    pool = new WatchedPool({ connectionString: gate.url, max: SIZE }, stepped.watch);
    pool.on('error', () => undefined);
    busy = await pool.connect();
    gate.shut();
  });

  afterEach(async () => {
    gate.open();
    busy.release();
    await pool.end();
    await gate.close();
  });

  it('refuses whoever waits for a new one, and serves as before afterwards', async () => {
    const waiting = Array.from({ length: SIZE + 2 }, () => outcomeOf(pool.query('SELECT 1')));
    await gate.untilHeld(SIZE - 1);
    stepped.tick(TICKS - 1);
    await turn();
    expect(waiting.map(({ outcome }) => outcome)).toEqual(waiting.map(() => 'waits'));
    stepped.tick(1);
    await turn();
    expect(waiting.map(({ outcome }) => outcome)).toEqual(waiting.map(() => REFUSED));
    gate.open();
    expect((await pool.query('SELECT 1')).rows).toHaveLength(1);
    await Promise.all(Array.from({ length: 20 }, () => pool.query('SELECT 1')));
    expect([pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([SIZE, SIZE - 1, 0]);
  });

  it('keeps everybody waiting while others get theirs', async () => {
    const first = pool.query('SELECT 1');
    const seen = outcomeOf(
      pool.connect().then((client) => {
        client.release();
      }),
    );
    await gate.untilHeld(2);
    stepped.tick(TICKS - 1);
    gate.letOneThrough();
    await first;
    stepped.tick(TICKS - 1);
    await turn();
    expect(seen.outcome).toBe('waits');
    stepped.tick(1);
    await turn();
    expect(seen.outcome).toBe(REFUSED);
  });

  it('keeps waiting while a login goes on', async () => {
    const seen = outcomeOf(pool.query('SELECT 1'));
    await gate.untilHeld(1);
    const [held] = gate.held;
    await once(held!, 'data');
    stepped.tick(TICKS - 1);
    held!.write(GREETING);
    await once(held!, 'data');
    stepped.tick(TICKS - 1);
    await turn();
    expect(seen.outcome).toBe('waits');
    stepped.tick(1);
    await turn();
    expect(seen.outcome).toBe(REFUSED);
    held!.destroy();
    gate.held.length = 0;
  });

  it('keeps waiting whoever is patient', async () => {
    const patient = pool.patiently(() => pool.query('SELECT 1'));
    const impatient = pool.query('SELECT 1');
    await gate.untilHeld(2);
    stepped.tick(TICKS);
    await expect(impatient).rejects.toThrow(REFUSED);
    gate.open();
    expect((await patient).rows).toHaveLength(1);
  });

  it('keeps waiting whoever opens it', async () => {
    let isWatched = false;
    const watch = new ProgressWatch(TICKS, () => {
      isWatched = true;
      return setTimeout(() => undefined, 0);
    });
    const another = new WatchedPool({ connectionString: gate.url, max: SIZE }, watch);
    const opening = another.connect();
    await gate.untilHeld(1);
    expect(isWatched).toBe(false);
    gate.open();
    (await opening).release();
    await another.end();
  });
});
