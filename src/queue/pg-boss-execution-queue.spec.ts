import { rm } from 'node:fs/promises';
import { Logger } from '@nestjs/common';
import { PgBoss } from 'pg-boss';
import type { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { createDataSource } from '../../ormconfig';
import { postmasterPid, until } from '../../test/process/server-process';
import { makeScratchDirectory } from '../../test/support/scratch-directory';
import { createTestDatabase, type TestDatabase } from '../../test/support/test-database';
import { EmbeddedPostgres, EXECUTION_QUEUE, openDatabase } from '../database';
import { PgBossExecutionQueue } from './pg-boss-execution-queue';
import { queueConnection } from './queue-connection';
import { describeExecutionQueue } from './testing/describe-execution-queue';
import { Gate, type QueueStore } from './testing/queue-bench';

jest.setTimeout(60_000);
// What fails here is meant to.
beforeAll(() => {
  Logger.overrideLogger(false);
});

async function openQueue(dataSource: DataSource): Promise<PgBossExecutionQueue> {
  const queue = new PgBossExecutionQueue(dataSource);
  await queue.onModuleInit();
  return queue;
}

/** Ages everything that is in the queue, then lets a node do the upkeep that is due. */
async function passTime(owner: DataSource, runtime: DataSource): Promise<string[]> {
  await owner.query(`UPDATE pgboss.job SET started_on = started_on - interval '1 hour',
    completed_on = completed_on - interval '1 hour', keep_until = keep_until - interval '2 days'`);
  await owner.query(
    `UPDATE pgboss.queue SET monitor_claim_on = NULL, monitor_on = NULL, maintain_on = NULL`,
  );
  const boss = new PgBoss(queueConnection(runtime));
  const errors: string[] = [];
  boss.on('error', (error) => errors.push(error.message));
  await boss.start();
  await boss.supervise();
  await boss.stop({ graceful: false });
  return errors;
}

/** A cluster of its own, since it is killed; durable, so that it forgets nothing then. */
async function openStore(): Promise<QueueStore> {
  const dataDirectory = await makeScratchDirectory();
  const postgres = await EmbeddedPostgres.start({ dataDirectory });
  const runtime = await openDatabase(postgres.url);
  const owner = await createDataSource(postgres.url.expose()).initialize();
  return {
    dataSource: runtime,
    openQueue: () => openQueue(runtime),
    passTime: async () => {
      expect(await passTime(owner, runtime)).toEqual([]);
    },
    restart: async () => {
      const killed = postmasterPid(dataDirectory)!;
      process.kill(killed, 'SIGKILL');
      await until('a new PostgreSQL', async () => {
        if (postmasterPid(dataDirectory) === killed) return null;
        return runtime.query('SELECT 1').catch(() => null);
      });
    },
    close: async () => {
      await owner.destroy();
      await runtime.destroy();
      await postgres.stop();
      await rm(dataDirectory, { recursive: true, force: true });
    },
  };
}

describeExecutionQueue('the queue on pg-boss', openStore);

describe('the queue on pg-boss', () => {
  let database: TestDatabase;
  let queue: PgBossExecutionQueue;
  const wakeUp = { executionId: uuidv7(), workspaceId: uuidv7() };

  beforeEach(async () => {
    database = await createTestDatabase();
    queue = await openQueue(database.runtime);
  });

  afterEach(async () => {
    jest.useRealTimers();
    await queue.close();
    await database.drop();
  });

  const enqueue = (one = wakeUp) =>
    database.runtime.transaction((manager) => queue.enqueue(manager, one));
  const states = () => database.dataSource.query('SELECT state FROM pgboss.job');

  it('keeps two ids, and removes them before the handler ends', async () => {
    await enqueue();
    const rows = await database.dataSource.query('SELECT data, singleton_key FROM pgboss.job');
    expect(rows).toEqual([{ data: wakeUp, singleton_key: wakeUp.executionId }]);
    const handled = new Gate();
    const begun = new Gate();
    const handler = () => {
      begun.open();
      return handled.opened;
    };
    await queue.work(handler, { concurrency: 1 });
    await begun.opened;
    await until('an empty queue', async () => ((await states()).length === 0 ? true : null));
    handled.open();
  });

  it('hears of a wake-up without looking', async () => {
    // No timer ever fires, so nothing but the bell can wake the node.
    jest.useFakeTimers({
      doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance'],
    });
    const heard = new Gate();
    const handler = () => {
      heard.open();
      return Promise.resolve();
    };
    await queue.work(handler, { concurrency: 1 });
    await enqueue();
    await heard.opened;
  });

  it('runs nothing again that a killed node took, and forgets it', async () => {
    await enqueue();
    const killed = new PgBoss(queueConnection(database.runtime));
    await killed.start();
    expect(await killed.fetch(EXECUTION_QUEUE)).toMatchObject([{ data: wakeUp }]);
    await killed.stop({ graceful: false });
    expect(await states()).toEqual([{ state: 'active' }]);

    expect(await passTime(database.dataSource, database.runtime)).toEqual([]);
    expect(await states()).toEqual([{ state: 'failed' }]);
    await passTime(database.dataSource, database.runtime);
    expect(await states()).toEqual([]);
  });

  it('takes again what it gave back', async () => {
    await enqueue();
    await queue.giveBack(await queue.take(5));
    expect(await queue.take(5)).toEqual([wakeUp]);
  });

  it('forgets within a day what nobody takes', async () => {
    await enqueue();
    await passTime(database.dataSource, database.runtime);
    expect(await states()).toEqual([]);
  });
});
