import { type DynamicModule, Module } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { ApiKeySecrets, ApiKeysModule } from '../api-keys';
import { AuditModule } from '../audit';
import { ConfigModule, type Environment } from '../config';
import { ContentKeySecrets, ContentModule } from '../content';
import {
  CryptoModule,
  type KeyEncryption,
  PostgresDataKeyStore,
  type SecretStore,
} from '../crypto';
import { DatabaseModule } from '../database';
import { WebhookSecretsModule, WebhookSecretStore } from '../webhooks';
import { RestoredRows } from './restored-rows';

/** What a command works with. The connection is that of `keyrun_definer`, which sees every workspace. */
export interface MaintenanceDependencies {
  readonly environment: Environment;
  readonly dataSource: DataSource;
  readonly keyEncryption: KeyEncryption;
}

/** The vault and the audit trail without the server around them. */
@Module({})
export class MaintenanceModule {
  static register({
    environment,
    dataSource,
    keyEncryption,
  }: MaintenanceDependencies): DynamicModule {
    return {
      module: MaintenanceModule,
      imports: [
        ConfigModule.register(environment),
        DatabaseModule.register(dataSource),
        CryptoModule.register({
          imports: [ApiKeysModule, ContentModule, WebhookSecretsModule],
          keyEncryption: { useValue: keyEncryption },
          dataKeyStore: { useClass: PostgresDataKeyStore },
          secretStores: {
            inject: [ApiKeySecrets, ContentKeySecrets, WebhookSecretStore],
            useFactory: (...stores: SecretStore[]) => stores,
          },
          isMaintenance: true,
        }),
        AuditModule,
      ],
      providers: [RestoredRows],
    };
  }
}
