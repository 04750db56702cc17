import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import type { DataSource } from 'typeorm';
import { AiProvidersModule } from './ai-providers';
import { ApiKeySecrets, ApiKeysModule } from './api-keys';
import { AuditModule } from './audit';
import { ProblemFilter, RequestValidationPipe } from './common';
import { ConfigModule, type Environment } from './config';
import { ContentKeySecrets, ContentModule } from './content';
import { CryptoModule, type KeyEncryption, PostgresDataKeyStore, type SecretStore } from './crypto';
import { DatabaseModule } from './database';
import { ExecutionsModule } from './executions';
import { HealthModule } from './health';
import { QueueModule } from './queue';
import { ReceiptJournalModule } from './receipt-journal';
import { TelemetryModule } from './telemetry';
import { UsageModule } from './usage';
import { WebhookSecretsModule, WebhookSecretStore, WebhooksModule } from './webhooks';
import { WorkspacesModule, WrongMethodFilter } from './workspaces';

/** What the process opened before the application: the settings, the database, the root key. */
export interface AppDependencies {
  readonly environment: Environment;
  readonly dataSource: DataSource;
  readonly keyEncryption: KeyEncryption;
}

/** The only module that imports every module. */
@Module({})
export class AppModule {
  static register({ environment, dataSource, keyEncryption }: AppDependencies): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.register(environment),
        TelemetryModule,
        // First of those with routes: Express tries one after the other, and these are asked for most.
        ExecutionsModule,
        DatabaseModule.register(dataSource),
        CryptoModule.register({
          keyEncryption: { useValue: keyEncryption },
          dataKeyStore: { useClass: PostgresDataKeyStore },
          imports: [ApiKeysModule, ContentModule, WebhookSecretsModule],
          secretStores: {
            inject: [ApiKeySecrets, ContentKeySecrets, WebhookSecretStore],
            useFactory: (...stores: SecretStore[]) => stores,
          },
        }),
        WorkspacesModule,
        AiProvidersModule,
        ApiKeysModule,
        QueueModule,
        ReceiptJournalModule,
        UsageModule,
        WebhooksModule,
        AuditModule,
        HealthModule,
      ],
      providers: [
        { provide: APP_PIPE, useClass: RequestValidationPipe },
        { provide: APP_FILTER, useClass: ProblemFilter },
        // After the one that catches everything, because the last one that matches is asked.
        { provide: APP_FILTER, useExisting: WrongMethodFilter },
      ],
    };
  }
}
