import { Module } from '@nestjs/common';
import { OutboundModule, OutboundPolicy } from '../outbound';
import { DeliveryClock } from './delivery/delivery-clock';
import { DeliveryQueue } from './delivery/delivery-queue';
import { DeliveryWorker } from './delivery/delivery-worker';
import { WebhookSender } from './delivery/webhook-sender';
import { WebhookDeliveries } from './webhook-deliveries';
import { WebhookDeliveriesController } from './webhook-deliveries.controller';
import { WebhookSecrets } from './webhook-secrets';
import { WebhookTests } from './webhook-tests';
import { WebhooksController } from './webhooks.controller';
import { WebhooksService } from './webhooks.service';

/** Tells receivers of a workspace how its executions ended: signed, at least once, with a log. */
@Module({
  imports: [OutboundModule],
  controllers: [WebhooksController, WebhookDeliveriesController],
  providers: [
    WebhooksService,
    WebhookSecrets,
    WebhookTests,
    WebhookDeliveries,
    DeliveryClock,
    DeliveryQueue,
    DeliveryWorker,
    {
      provide: WebhookSender,
      useFactory: (policy: OutboundPolicy) => new WebhookSender(policy),
      inject: [OutboundPolicy],
    },
  ],
})
export class WebhooksModule {}
