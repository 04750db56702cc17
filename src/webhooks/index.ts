export { DeliveryClock } from './delivery/delivery-clock';
export { DeliveryWorker } from './delivery/delivery-worker';
export { WebhookSecretStore } from './webhook-secret-store';
export { WebhookSecretsModule } from './webhook-secrets.module';
export { WebhooksModule } from './webhooks.module';
