import { Module } from '@nestjs/common';
import { AiProvidersModule } from '../ai-providers';
import { AuditTrailModule } from '../audit-trail';
import { ApiKeyCredentials } from './api-key-credentials';
import { ApiKeyFinder } from './api-key-finder';
import { ApiKeyIntake } from './api-key-intake';
import { ApiKeySecrets } from './api-key-secrets';
import { ApiKeyTests } from './api-key-tests';
import { ApiKeyTestsController } from './api-key-tests.controller';
import { ApiKeyVault } from './api-key-vault';
import { ApiKeysController } from './api-keys.controller';
import { ApiKeysService } from './api-keys.service';
import { ProvidersController } from './providers.controller';

/** Stores the provider keys of a workspace, and hands one out for one execution. */
@Module({
  imports: [AiProvidersModule, AuditTrailModule],
  controllers: [ApiKeyTestsController, ApiKeysController, ProvidersController],
  providers: [
    ApiKeyIntake,
    ApiKeysService,
    ApiKeyVault,
    ApiKeyCredentials,
    ApiKeyFinder,
    ApiKeySecrets,
    ApiKeyTests,
  ],
  exports: [ApiKeyCredentials, ApiKeySecrets],
})
export class ApiKeysModule {}
