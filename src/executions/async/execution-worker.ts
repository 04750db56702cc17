import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { AppError } from '../../common';
import { Environment } from '../../config';
import { ExecutionQueue, type WakeUp } from '../../queue';
import { ExecutionRunner } from '../execution-runner';
import { notSent } from '../ledger/attempt-outcome';
import { storedAs } from '../lifecycle/provider-look-up';
import { FAILURE_CATEGORIES, type FailureCategory } from '../ledger/execution-record';
import { type PaidProvider, PaidProviders } from './paid-providers';
import { QueuedExecutions } from './queued-executions';
import type { QueuedExecution } from './queued-requests';

/** What has brought down so many servers before they had claimed it is not taken up once more. */
const LOST_TAKES_MAX = 2;

/** Runs what waits in the queue. A wake-up may be late, doubled or lost: the ledger says what is to be done. */
@Injectable()
export class ExecutionWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(ExecutionWorker.name);
  private readonly handled = new Set<string>();

  constructor(
    private readonly queue: ExecutionQueue,
    private readonly queued: QueuedExecutions,
    private readonly paidProviders: PaidProviders,
    private readonly runner: ExecutionRunner,
    private readonly environment: Environment,
  ) {}

  /** What this server is about to claim, has claimed or runs. */
  get handledIds(): Iterable<string> {
    return this.handled;
  }

  async onApplicationBootstrap(): Promise<void> {
    const concurrency = this.environment.asyncConcurrency;
    await this.queue.work((wakeUp) => this.handle(wakeUp), { concurrency });
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.queue.stopFetching();
  }

  /** A second wake-up for one that is being handled says nothing new. */
  private async handle(wakeUp: WakeUp): Promise<void> {
    const { executionId } = wakeUp;
    if (this.handled.has(executionId)) return;
    this.handled.add(executionId);
    try {
      await this.runner.whileStarting(() => this.handleOnce(wakeUp));
    } finally {
      this.handled.delete(executionId);
    }
  }

  private async handleOnce(wakeUp: WakeUp): Promise<void> {
    const lostTakes = await this.queued.takeUp(wakeUp);
    if (lostTakes === null) return;
    if (lostTakes >= LOST_TAKES_MAX) {
      await this.giveUp(wakeUp);
      return;
    }
    const execution = await this.queued.find(wakeUp);
    if (execution === null) return;
    let paid: PaidProvider;
    try {
      paid = await this.paidProviders.open(execution.record);
    } catch (error) {
      await this.refuse(execution, error);
      return;
    }
    await this.run(execution, paid);
  }

  private async run(execution: QueuedExecution, paid: PaidProvider): Promise<void> {
    const claimed = await this.queued.claim(execution, paid.credential.keyId);
    if (claimed === null) return;
    const { running, deadlineAt } = claimed;
    const { id, attempts } = running.record;
    const storeAs = running.settings.storeAtProvider ? storedAs(id) : undefined;
    const params = { ...execution.request, storeAs };
    const starting = {
      ...{ id, workspaceId: running.record.workspaceId, attempts: attempts.length },
      billedAttempts: attempts.filter(({ outcome }) => (outcome?.billed ?? 'no') !== 'no').length,
      started: Promise.resolve(running),
    };
    try {
      await this.runner.run(starting, { ...paid, params, deadlineAt, isStreamed: true });
    } catch (error) {
      // A failed execution is recorded; there is nobody to be told.
      if (!(error instanceof AppError)) throw error;
    }
  }

  /** What can be recorded ends the execution; after anything else it stays in the queue. */
  private async refuse({ record }: QueuedExecution, error: unknown): Promise<void> {
    const category = error instanceof AppError ? asCategory(error.code) : null;
    if (category === null) throw error;
    this.logger.log({ message: 'a queued execution cannot run', executionId: record.id, category });
    await this.queued.fail(record, notSent(category));
  }

  /** Nothing of it is opened, since that may be what they died of. */
  private async giveUp({ executionId: id, workspaceId }: WakeUp): Promise<void> {
    this.logger.error({
      message: 'servers died when they took this execution out of the queue; it is given up',
      executionId: id,
    });
    const failure = { ...notSent('interrupted'), retryable: false };
    await this.queued.fail({ id, workspaceId }, failure);
  }
}

function asCategory(code: string): FailureCategory | null {
  return FAILURE_CATEGORIES.find((category) => category === code) ?? null;
}
