import * as fs from 'node:fs';
import { GroupSync } from './group-sync';
import { collect, JournalBench, nobody } from './testing/journal-bench';

/** The operating system, whose disk can be told to fail. */
jest.mock('node:fs', () => {
  const actual = jest.requireActual<typeof fs>('node:fs');
  return { ...actual, fdatasync: jest.fn(actual.fdatasync), closeSync: jest.fn(actual.closeSync) };
});

const fdatasync = fs.fdatasync as unknown as jest.Mock;
const closeSync = fs.closeSync as unknown as jest.Mock;

describe('GroupSync', () => {
  it('shares one run among all who came before it began', async () => {
    const runs: { resolve: () => void }[] = [];
    const group = new GroupSync(() => {
      return new Promise((resolve) => runs.push({ resolve }));
    });
    const ended: string[] = [];
    const run = (name: string) => group.run().then(() => ended.push(name));
    const first = run('first');
    const others = [run('second'), run('third')];
    expect(runs).toHaveLength(1);
    runs[0]!.resolve();
    await first;
    await Promise.resolve();
    expect([ended, runs.length]).toEqual([['first'], 2]);
    const fourth = run('fourth');
    runs[1]!.resolve();
    await Promise.all(others);
    expect(runs).toHaveLength(3);
    runs[2]!.resolve();
    await fourth;
    expect(ended).toEqual(['first', 'second', 'third', 'fourth']);
  });

  it('fails those who waited for the run, and no later one', async () => {
    let count = 0;
    const group = new GroupSync(() => {
      count += 1;
      return count === 1 ? Promise.reject(new Error('disk')) : Promise.resolve();
    });
    const results = await Promise.allSettled([group.run(), group.run(), group.run()]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    expect(count).toBe(2);
  });
});

describe('ReceiptJournal.sync', () => {
  let bench: JournalBench;

  beforeEach(() => {
    bench = new JournalBench();
    fdatasync.mockClear();
  });

  afterEach(() => {
    bench.remove();
  });

  it('reaches the disk once for many callers, and not at all if nothing is new', async () => {
    const journal = await bench.start();
    const syncs = Array.from({ length: 50 }, (_, index) => {
      journal.append(`${index}`);
      return journal.sync();
    });
    await Promise.all(syncs);
    const { length } = fdatasync.mock.calls;
    expect(length).toBeLessThanOrEqual(2);
    await journal.sync();
    expect(fdatasync).toHaveBeenCalledTimes(length);
  });

  it('covers every file in which something is new', async () => {
    const journal = await bench.start({ fileBytes: 100 });
    for (let count = 0; count < 5; count += 1) journal.append('x'.repeat(100));
    await journal.sync();
    expect(fdatasync).toHaveBeenCalledTimes(5);
  });

  it('closes no file under the hands of the disk', async () => {
    const journal = await bench.start({ fileBytes: 100 });
    const entry = journal.append('x'.repeat(100));
    let end: () => void = () => undefined;
    const began = new Promise<void>((resolve) => {
      fdatasync.mockImplementationOnce((_, done: () => void) => {
        end = done;
        resolve();
      });
    });
    const syncing = journal.sync();
    await began;
    journal.append('"next"');
    closeSync.mockClear();
    journal.acknowledge(entry);
    expect(bench.files()).toHaveLength(1);
    expect(closeSync).not.toHaveBeenCalled();
    end();
    await syncing;
    expect(closeSync).toHaveBeenCalledTimes(1);
  });

  it('asks the disk nothing about a file that is settled before its turn', async () => {
    const journal = await bench.start({ fileBytes: 100 });
    const entry = journal.append('x'.repeat(100));
    const syncing = journal.sync();
    journal.append('"next"');
    journal.acknowledge(entry);
    await syncing;
    await journal.onApplicationShutdown();
  });

  it('fails when the disk does, and goes on failing until what was lost is settled', async () => {
    const journal = await bench.start();
    const entry = journal.append('"doubtful"');
    fdatasync.mockImplementationOnce((_, done: (error: Error) => void) => {
      done(Object.assign(new Error('i/o error'), { code: 'EIO' }));
    });
    await expect(journal.sync()).rejects.toMatchObject({ systemCode: 'EIO' });
    const next = journal.append('"next"');
    await expect(journal.sync()).rejects.toMatchObject({ fault: 'not_writable' });
    expect(await collect(journal.unsettled())).toEqual(['"doubtful"', '"next"']);
    journal.acknowledge(entry);
    await journal.sync();
    journal.acknowledge(next);
    expect(await collect((await bench.start()).adopt(nobody))).toEqual(['"next"']);
  });
});
