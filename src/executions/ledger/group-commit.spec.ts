import { GroupCommit, GroupCommitFull, type GroupCommitOptions } from './group-commit';

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
});
