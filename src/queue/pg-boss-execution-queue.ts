import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { type Db, type Job, PgBoss } from 'pg-boss';
import { DataSource, type EntityManager } from 'typeorm';
import { EXECUTION_QUEUE } from '../database';
import { ExecutionQueue, type WakeUp, type WakeUpHandler } from './execution-queue';
import { queueConnection } from './queue-connection';
import { Turns } from './turns';
import { WakeUpLoop, type WakeUpSource } from './wake-up-loop';

/** Rung by `enqueue` at its commit, heard by every node. */
const CHANNEL = 'keyrun_queue';

/**
 * The queue on pg-boss. A wake-up is removed as soon as it is taken, before its handler ends: nothing has to
 * expire or to be renewed however long an execution runs, and a killed node leaves nothing to be run again.
 *
 * pg-boss gets a few connections of its own: its listener needs one that no pool hands on, and looking for
 * work must not wait behind requests, nor they behind it.
 */
@Injectable()
export class PgBossExecutionQueue
  extends ExecutionQueue
  implements WakeUpSource, OnModuleInit, OnApplicationShutdown
{
  private readonly logger = new Logger('ExecutionQueue');
  private readonly boss: PgBoss;
  private listener: { close(): Promise<void> } | null = null;
  private loop: WakeUpLoop | null = null;
  private readonly removals = new Set<Promise<void>>();
  private readonly turns = new Turns();
  private isFailing = false;

  constructor(dataSource: DataSource) {
    super();
    this.boss = new PgBoss(queueConnection(dataSource));
    this.boss.on('error', (error) => {
      this.logger.warn({ message: 'the queue reports an error', reason: reasonOf(error) });
    });
    this.boss.on('warning', ({ data }) => {
      const type = (data as { type?: string } | undefined)?.type;
      this.logger.warn({ message: 'the queue reports a warning', type });
    });
  }

  async onModuleInit(): Promise<void> {
    await this.boss.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.close();
  }

  async enqueue(
    manager: EntityManager,
    wakeUp: WakeUp,
    { startAfterMs = 0 }: { startAfterMs?: number } = {},
  ): Promise<void> {
    const { executionId, workspaceId } = wakeUp;
    const transaction = transactionOf(manager);
    const id = await this.boss.send(
      EXECUTION_QUEUE,
      { executionId, workspaceId },
      {
        ...{ db: transaction, singletonKey: executionId, startAfter: startAfterMs / 1_000 },
        group: { id: workspaceId },
      },
    );
    if (id !== null && startAfterMs <= 0)
      await transaction.executeSql('SELECT pg_notify($1, $2)', [CHANNEL, '']);
  }

  async work(handler: WakeUpHandler, { concurrency }: { concurrency: number }): Promise<void> {
    if (this.loop !== null) throw new Error('work() was called already');
    const loop = new WakeUpLoop(this, handler, concurrency);
    this.loop = loop;
    const ring = () => {
      loop.ring();
    };
    try {
      this.listener = (await this.boss.getDb().listen?.(CHANNEL, ring, ring)) ?? null;
    } catch (error) {
      // Without it an idle node looks once a second.
      this.logger.warn({ message: 'the queue cannot listen', reason: reasonOf(error) });
    }
  }

  async stopFetching(): Promise<void> {
    await this.loop?.stop();
    await this.listener?.close();
    this.listener = null;
  }

  async close(): Promise<void> {
    await this.stopFetching();
    await Promise.all(this.removals);
    await this.boss.stop({ graceful: false });
  }

  /** Of those who have not had their turn first, then of whom there is. */
  async take(limit: number): Promise<readonly WakeUp[]> {
    const { served } = this.turns;
    const wakeUps = served.length === 0 ? [] : await this.fetch(limit, served);
    if (served.length > 0 && wakeUps.length === 0) this.turns.endRound();
    if (wakeUps.length < limit) wakeUps.push(...(await this.fetchMore(limit, wakeUps)));
    this.turns.note(wakeUps.map(({ workspaceId }) => workspaceId));
    return wakeUps;
  }

  async giveBack(wakeUps: readonly WakeUp[]): Promise<void> {
    const jobs = wakeUps.map((wakeUp) => ({
      ...{ data: wakeUp, singletonKey: wakeUp.executionId },
      group: { id: wakeUp.workspaceId },
    }));
    if (jobs.length > 0) await this.boss.insert(EXECUTION_QUEUE, jobs);
  }

  handlerFailed({ executionId }: WakeUp, error: unknown): void {
    this.logger.error({ message: 'a wake-up failed', executionId, reason: reasonOf(error) });
  }

  takingFailed(error: unknown): void {
    this.noteState(true, reasonOf(error));
  }

  private async fetch(limit: number, passedOver: readonly string[] | null): Promise<WakeUp[]> {
    const ignoreGroups = passedOver === null ? null : [...passedOver];
    const jobs = await this.boss.fetch<WakeUp>(EXECUTION_QUEUE, { batchSize: limit, ignoreGroups });
    this.noteState(false);
    if (jobs.length > 0) this.remove(jobs);
    return jobs.map(({ data: { executionId, workspaceId } }) => ({ executionId, workspaceId }));
  }

  /** What was taken already must not be lost with a failure. */
  private async fetchMore(limit: number, taken: readonly WakeUp[]): Promise<WakeUp[]> {
    try {
      return await this.fetch(limit - taken.length, null);
    } catch (error) {
      if (taken.length === 0) throw error;
      this.noteState(true, reasonOf(error));
      return [];
    }
  }

  /** Beside the handlers, which need not wait for it. What stays is removed by the upkeep of pg-boss. */
  private remove(jobs: readonly Job[]): void {
    const removal = this.boss
      .deleteJob(
        EXECUTION_QUEUE,
        jobs.map(({ id }) => id),
      )
      .then(
        () => undefined,
        (error: unknown) => {
          this.noteState(true, reasonOf(error));
        },
      )
      .finally(() => this.removals.delete(removal));
    this.removals.add(removal);
  }

  /** Tells of a failure and of its end once, however often it is tried in between. */
  private noteState(isFailing: boolean, reason?: string): void {
    if (isFailing === this.isFailing) return;
    this.isFailing = isFailing;
    if (isFailing)
      this.logger.warn({ message: 'the queue cannot be read; it is tried again', reason });
    else this.logger.log('the queue can be read again');
  }
}

/** The transaction of the manager, in the form that pg-boss takes. */
function transactionOf({ queryRunner }: EntityManager): Db {
  if (queryRunner?.isTransactionActive !== true) throw new Error('enqueue() needs a transaction');
  return {
    executeSql: async (text, values) => {
      const { records } = await queryRunner.query(text, values, true);
      return { rows: records };
    },
  };
}

/** What may be logged of an error: the code of the system or of PostgreSQL, or the name of its class. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : error.name;
}
