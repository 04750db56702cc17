import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { DeadServers } from './dead-servers';
import { ForgottenExecutions } from './forgotten-executions';
import { OverdueExecutions } from './overdue-executions';
import { ProviderLookUp } from './provider-look-up';
import { ServerLease } from './server-lease';

const INTERVAL_MS = 2_000;

/**
 * Ends what nobody runs: what this server forgot, which needs no journal, and what dead ones left behind, of which a
 * provider may still know the answer. Every server sweeps; there is no leader.
 */
@Injectable()
export class Sweeper implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Sweeper.name);
  private timer: NodeJS.Timeout | undefined;
  private sweeping: Promise<void> | null = null;

  constructor(
    private readonly lease: ServerLease,
    private readonly deadServers: DeadServers,
    private readonly forgotten: ForgottenExecutions,
    private readonly overdue: OverdueExecutions,
    private readonly lookUp: ProviderLookUp,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => {
      this.sweeping ??= this.sweepQuietly().finally(() => (this.sweeping = null));
    }, INTERVAL_MS).unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.sweeping;
  }

  /** One round. Does nothing while the leases of others may have run out for no fault of theirs. */
  async sweep(): Promise<void> {
    if (!this.lease.isEstablished) return;
    await this.forgotten.look();
    await this.deadServers.endExecutions();
    await this.overdue.wakeUp();
    await this.lookUp.run();
  }

  private async sweepQuietly(): Promise<void> {
    try {
      await this.sweep();
    } catch (error) {
      const { name } = error as Error;
      this.logger.warn({ message: 'the sweep failed; it is repeated', name });
    }
  }
}
