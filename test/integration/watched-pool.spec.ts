import type { PoolClient } from 'pg';
import { WatchedPool } from '../../src/database/watched-pool';
import { outcomeOf, REFUSED, SteppedWatch, turn } from '../support/stepped-watch';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

const SIZE = 2;
/** Ticks without an answer that somebody may wait for a connection. */
const TICKS = 3;

describe('a pool whose connections are all in use', () => {
  let database: TestDatabase;
  let pool: WatchedPool;
  let busy: PoolClient[];
  let stepped: SteppedWatch;

  beforeAll(async () => {
    database = await createTestDatabase();
  });

  afterAll(async () => {
    await database.drop();
  });

  beforeEach(async () => {
    stepped = new SteppedWatch(TICKS);
    pool = new WatchedPool({ connectionString: database.url.expose(), max: SIZE }, stepped.watch);
    busy = await Promise.all(Array.from({ length: SIZE }, () => pool.connect()));
  });

  afterEach(async () => {
    for (const client of busy.splice(0)) client.release();
    await pool.end();
  });

  it('refuses whoever waits while no statement is answered', async () => {
    const asked = pool.query('SELECT 1');
    const connecting = pool.connect();
    stepped.tick(TICKS);
    await expect(asked).rejects.toThrow(REFUSED);
    await expect(connecting).rejects.toThrow(REFUSED);
  });

  it('keeps everybody waiting while statements are answered, though no connection gets free', async () => {
    const asked = pool.query('SELECT 1');
    const seen = outcomeOf(asked);
    for (let round = 0; round < 10; round += 1) {
      stepped.tick(TICKS - 1);
      await busy[0]!.query('SELECT 1');
    }
    stepped.tick(TICKS - 1);
    await turn();
    expect(seen.outcome).toBe('waits');
    busy.pop()!.release();
    expect((await asked).rows).toHaveLength(1);
  });

  it('counts a connection that is given back for an answer', async () => {
    const first = pool.connect();
    const seen = outcomeOf(pool.query('SELECT 1'));
    stepped.tick(TICKS - 1);
    busy.pop()!.release();
    busy.push(await first);
    stepped.tick(TICKS - 1);
    await turn();
    expect(seen.outcome).toBe('waits');
    stepped.tick(1);
    await turn();
    expect(seen.outcome).toBe(REFUSED);
  });

  it('keeps waiting whoever is patient', async () => {
    const patient = pool.patiently(() => pool.query('SELECT 1'));
    const impatient = pool.query('SELECT 1');
    stepped.tick(TICKS);
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
    stepped.tick(TICKS);
    for (const error of await Promise.all(refused)) expect(error).toEqual(new Error(REFUSED));
    for (const client of busy.splice(0)) client.release();
    expect((await pool.query('SELECT 1')).rows).toHaveLength(1);
    await Promise.all(Array.from({ length: 50 }, () => pool.query('SELECT 1')));
    expect([pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([SIZE, SIZE, 0]);
  });
});
