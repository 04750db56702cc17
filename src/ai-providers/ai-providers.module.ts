import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { OutboundModule, OutboundPolicy } from '../outbound';
import { PriceCatalog } from './pricing/price-catalog';
import { ProviderFactory } from './provider-factory.service';
import { ProviderList } from './providers';
import { ProviderCalls, RetryInterceptor } from './retry';
import { ProviderTransport } from './transport';

/** Talks to the vendors. Knows no database, no route of ours, and no key but the one it is handed. */
@Module({
  imports: [OutboundModule],
  providers: [
    {
      provide: ProviderTransport,
      useFactory: (policy: OutboundPolicy) => new ProviderTransport({ policy }),
      inject: [OutboundPolicy],
    },
    { provide: ProviderList, useFactory: () => new ProviderList() },
    PriceCatalog,
    ProviderFactory,
    ProviderCalls,
    RetryInterceptor,
  ],
  exports: [
    OutboundModule,
    ProviderTransport,
    PriceCatalog,
    ProviderFactory,
    ProviderCalls,
    RetryInterceptor,
  ],
})
export class AiProvidersModule implements OnApplicationShutdown {
  constructor(private readonly transport: ProviderTransport) {}

  /** Runs after the requests under way have been drained. */
  async onApplicationShutdown(): Promise<void> {
    await this.transport.close();
  }
}
