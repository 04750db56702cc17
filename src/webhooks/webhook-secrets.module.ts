import { Module } from '@nestjs/common';
import { WebhookSecretStore } from './webhook-secret-store';

/** The sealed secrets alone: what the command line needs, which must not deliver anything. */
@Module({ providers: [WebhookSecretStore], exports: [WebhookSecretStore] })
export class WebhookSecretsModule {}
