import type { PoolClient } from 'pg';
import { ProgressWatch } from '../../src/common';
import { WatchedPool } from '../../src/database/watched-pool';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

const SIZE = 2;
/** Ticks without an answer that somebody may wait for a connection. */
const TICKS = 3;

describe('a pool whose connections are all in use', () => {
  let database: TestDatabase;
  let pool: WatchedPool;
  let busy: PoolClient[];
  let tick: () => void;

  beforeAll(async () => {
    database = await createTestDatabase();
  });

  afterAll(async () => {
    await database.drop();
  });

  beforeEach(async () => {
    const watch = new ProgressWatch(TICKS, (onTick) => {
      tick = onTick;
      return setTimeout(() => undefined, 0);
    });
    pool = new WatchedPool({ connectionString: database.url.expose(), max: SIZE }, watch);
    busy = await Promise.all(Array.from({ length: SIZE }, () => pool.connect()));
  });

  afterEach(async () => {
    for (const client of busy.splice(0)) client.release();
    await pool.end();
  });

  const REFUSED = 'timeout exceeded when trying to connect';
  const ticks = (count: number) => {
    for (let index = 0; index < count; index += 1) tick();
  };
  const waitFor = (answer: Promise<unknown>) => {
    const seen = { outcome: 'waits' };
    answer.then(
      () => (seen.outcome = 'served'),
      (error: unknown) => (seen.outcome = (error as Error).message),
    );
    return seen;
  };
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  it('refuses whoever waits while no statement is answered', async () => {
    const asked = pool.query('SELECT 1');
    const connecting = pool.connect();
    ticks(TICKS);
    await expect(asked).rejects.toThrow(REFUSED);
    await expect(connecting).rejects.toThrow(REFUSED);
  });

  it('keeps everybody waiting while statements are answered, though no connection gets free', async () => {
    const asked = pool.query('SELECT 1');
    const seen = waitFor(asked);
    for (let round = 0; round < 10; round += 1) {
      ticks(TICKS - 1);
      await busy[0]!.query('SELECT 1');
    }
    ticks(TICKS - 1);
    await turn();
    expect(seen.outcome).toBe('waits');
    busy.pop()!.release();
    expect((await asked).rows).toHaveLength(1);
  });

  it('counts a connection that is given back for an answer', async () => {
    const first = pool.connect();
    const seen = waitFor(pool.query('SELECT 1'));
    ticks(TICKS - 1);
    busy.pop()!.release();
    busy.push(await first);
    ticks(TICKS - 1);
    await turn();
    expect(seen.outcome).toBe('waits');
    ticks(1);
    await turn();
    expect(seen.outcome).toBe(REFUSED);
  });

  it('keeps waiting whoever is patient', async () => {
    const patient = pool.patiently(() => pool.query('SELECT 1'));
    const impatient = pool.query('SELECT 1');
    ticks(TICKS);
    await expect(impatient).rejects.toThrow(REFUSED);
    busy.pop()!.release();
    expect((await patient).rows).toHaveLength(1);
  });

  it('serves as before when they are free again, however many it refused', async () => {
    const refused = Array.from({ length: 20_000 }, () => {
      return new Promise((resolve) => {
        pool.connect(resolve);
      });
    });
    ticks(TICKS);
    for (const error of await Promise.all(refused)) expect(error).toEqual(new Error(REFUSED));
    for (const client of busy.splice(0)) client.release();
    expect((await pool.query('SELECT 1')).rows).toHaveLength(1);
    await Promise.all(Array.from({ length: 50 }, () => pool.query('SELECT 1')));
    expect([pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([SIZE, SIZE, 0]);
  });
});
