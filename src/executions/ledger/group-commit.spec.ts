import { ProgressWatch } from '../../common';
import {
  GroupCommit,
  GroupCommitFull,
  type GroupCommitOptions,
  GroupCommitStalled,
  StatementUnanswered,
} from './group-commit';

interface Statement {
  readonly rows: readonly string[];
  commit(): void;
  fail(error: unknown): void;
}

/** A database that commits when the test says so. */
class Database {
  readonly statements: Statement[] = [];

  readonly run = (rows: readonly string[]): Promise<ReadonlyMap<string, string>> =>
    new Promise((resolve, reject) => {
      this.statements.push({
        rows,
        commit: () => {
          resolve(new Map(rows.map((row) => [row, `${row} done`])));
        },
        fail: reject,
      });
    });
}

const violation = Object.assign(new Error('a constraint'), { code: '23503' });
const deadlock = Object.assign(new Error('a deadlock'), { code: '40P01' });

describe('GroupCommit', () => {
  let database: Database;

  beforeEach(() => {
    database = new Database();
  });

  const group = (options: Partial<GroupCommitOptions<string, string>> = {}) =>
    new GroupCommit<string, string>({
      run: database.run,
      keyOf: (row) => row,
      concurrency: 1,
      maxRows: 100,
      maxBytes: 1_000,
      maxWaiting: 1_000,
      ...options,
    });
  const rowsOf = () => database.statements.map(({ rows }) => rows);
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  it('sends a row at once when nothing is under way', async () => {
    const result = group().submit('one');
    expect(rowsOf()).toEqual([['one']]);
    database.statements[0]!.commit();
    expect(await result).toBe('one done');
  });

  it('sends together what waits while a statement is under way, in the order of arrival', async () => {
    const commits = group();
    const results = ['one', 'two', 'three'].map((row) => commits.submit(row));
    expect(rowsOf()).toEqual([['one']]);
    database.statements[0]!.commit();
    await turn();
    expect(rowsOf()).toEqual([['one'], ['two', 'three']]);
    database.statements[1]!.commit();
    expect(await Promise.all(results)).toEqual(['one done', 'two done', 'three done']);
  });

  it('gives no answer before its statement has committed', async () => {
    const commits = group();
    let answers = 0;
    for (const row of ['one', 'two']) void commits.submit(row).then(() => (answers += 1));
    await turn();
    expect(answers).toBe(0);
    database.statements[0]!.commit();
    await turn();
    expect(answers).toBe(1);
  });

  it('keeps to as many statements as are allowed', () => {
    const commits = group({ concurrency: 2 });
    for (const row of ['one', 'two', 'three', 'four']) void commits.submit(row);
    expect(rowsOf()).toEqual([['one'], ['two']]);
  });

  it.each([
    ['rows', { maxRows: 2 }],
    ['bytes', { maxBytes: 10, bytesOf: (row: string) => row.length }],
  ])('limits a statement in %s', async (_what, limits) => {
    const commits = group(limits);
    for (const row of ['first', 'aaaaa', 'bbbbb', 'ccccc']) void commits.submit(row);
    database.statements[0]!.commit();
    await turn();
    expect(rowsOf()[1]).toEqual(['aaaaa', 'bbbbb']);
  });

  it('sends a row alone that is larger than the limit', async () => {
    const commits = group({ maxBytes: 3, bytesOf: (row) => row.length });
    for (const row of ['first', 'too long', 'x']) void commits.submit(row);
    database.statements[0]!.commit();
    await turn();
    expect(rowsOf()[1]).toEqual(['too long']);
  });

  it('says when a row gave nothing', async () => {
    const commits = group({ run: () => Promise.resolve(new Map()) });
    expect(await commits.submit('gone')).toBeUndefined();
  });

  it('lets one bad row take no other down', async () => {
    const commits = group();
    const results = Promise.allSettled(['first', 'bad', 'good'].map((row) => commits.submit(row)));
    database.statements[0]!.commit();
    await turn();
    database.statements[1]!.fail(violation);
    await turn();
    expect(rowsOf()[2]).toEqual(['bad']);
    database.statements[2]!.fail(violation);
    await turn();
    expect(rowsOf()[3]).toEqual(['good']);
    database.statements[3]!.commit();
    expect(await results).toEqual([
      { status: 'fulfilled', value: 'first done' },
      { status: 'rejected', reason: violation },
      { status: 'fulfilled', value: 'good done' },
    ]);
  });

  it('tells every row of a database that is gone, without asking it for each', async () => {
    const gone = Object.assign(new Error('gone'), { code: 'ECONNREFUSED' });
    const commits = group();
    const results = Promise.allSettled(['first', 'two', 'three'].map((row) => commits.submit(row)));
    database.statements[0]!.fail(gone);
    await turn();
    database.statements[1]!.fail(gone);
    const rejected = { status: 'rejected', reason: gone };
    expect(await results).toEqual([rejected, rejected, rejected]);
    expect(database.statements).toHaveLength(2);
  });

  it('runs a statement again that lost a race, three times in all', async () => {
    const commits = group();
    const won = commits.submit('one');
    database.statements[0]!.fail(deadlock);
    await turn();
    database.statements[1]!.commit();
    expect(await won).toBe('one done');
    await turn();

    const lost = expect(commits.submit('two')).rejects.toBe(deadlock);
    for (const attempt of [2, 3, 4]) {
      database.statements[attempt]!.fail(deadlock);
      await turn();
    }
    await lost;
    expect(database.statements).toHaveLength(5);
  });

  it('refuses a row when too many wait, and takes rows again later', async () => {
    const commits = group({ maxWaiting: 1 });
    const first = commits.submit('first');
    const second = commits.submit('second');
    await expect(commits.submit('third')).rejects.toBeInstanceOf(GroupCommitFull);
    database.statements[0]!.commit();
    await first;
    await turn();
    database.statements[1]!.commit();
    expect(await second).toBe('second done');
    await turn();
    void commits.submit('fourth');
    expect(rowsOf()).toEqual([['first'], ['second'], ['fourth']]);
  });

  describe('of a database that answers nothing', () => {
    /** Ticks without an answer that a row may wait. */
    const TICKS = 3;
    let tick: () => void;
    let watched: GroupCommit<string, string>;

    beforeEach(() => {
      const watch = new ProgressWatch(TICKS, (onTick) => {
        tick = onTick;
        return setTimeout(() => undefined, 0);
      });
      watched = group({ watch, maxRows: 2, maxWaiting: 20 });
    });

    const stall = async (ticks = TICKS) => {
      for (let count = 0; count < ticks; count += 1) tick();
      await turn();
    };

    it('tells a row that waits that it was not sent, and one that was sent that it may be', async () => {
      const sent = expect(watched.submit('sent')).rejects.toBeInstanceOf(StatementUnanswered);
      const queued = expect(watched.submit('queued')).rejects.toBeInstanceOf(GroupCommitStalled);
      await stall();
      await Promise.all([sent, queued]);
      database.statements[0]!.commit();
      await turn();
      expect(rowsOf()).toEqual([['sent']]);
    });

    it('lets a row wait, however long, as long as statements are answered', async () => {
      const rows = Array.from({ length: 21 }, (_, index) => `row ${index}`);
      const results = Promise.all(rows.map((row) => watched.submit(row)));
      for (let index = 0; index <= 10; index += 1) {
        await stall(TICKS - 1);
        database.statements[index]!.commit();
        await turn();
      }
      expect(await results).toEqual(rows.map((row) => `${row} done`));
    });

    it.each([
      ['a fault of a row', violation],
      ['a lost race', deadlock],
    ])('takes %s for an answer', async (_what, error) => {
      const result = watched.submit('one').catch((reason: unknown) => reason);
      await stall(TICKS - 1);
      database.statements[0]!.fail(error);
      await turn();
      await stall(TICKS - 1);
      database.statements.at(-1)!.commit();
      expect(await result).not.toBeInstanceOf(StatementUnanswered);
    });

    it('does not take a connection that is lost for an answer', async () => {
      void watched.submit('one').catch(() => undefined);
      const second = expect(watched.submit('two')).rejects.toBeInstanceOf(StatementUnanswered);
      await stall(TICKS - 1);
      database.statements[0]!.fail(new Error('Connection terminated'));
      await turn();
      await stall(1);
      await second;
    });

    it('does not send a row again that was told', async () => {
      void watched.submit('first').catch(() => undefined);
      await turn();
      const told = ['one', 'two'].map((row) => watched.submit(row).catch(() => 'told'));
      database.statements[0]!.commit();
      await turn();
      await stall();
      expect(await Promise.all(told)).toEqual(['told', 'told']);
      database.statements[1]!.fail(deadlock);
      await turn();
      expect(rowsOf()).toEqual([['first'], ['one', 'two']]);
    });

    it('takes rows again when it answers', async () => {
      const rows = Array.from({ length: 21 }, (_, index) => `row ${index}`);
      const told = rows.map((row) => watched.submit(row).catch(() => undefined));
      await stall();
      await Promise.all(told);
      const again = watched.submit('again');
      database.statements[0]!.commit();
      await turn();
      database.statements[1]!.commit();
      expect(await again).toBe('again done');
      expect(rowsOf()).toEqual([['row 0'], ['again']]);
    });
  });
});
