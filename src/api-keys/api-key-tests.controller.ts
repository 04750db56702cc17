import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { ProviderFactory } from '../ai-providers';
import { AppError } from '../common';
import { CurrentWorkspaceId, Requires } from '../workspaces';
import { ApiKeyCredentials } from './api-key-credentials';
import { ApiKeyIntake } from './api-key-intake';
import { ApiKeysService } from './api-keys.service';
import { ApiKeyTests } from './api-key-tests';
import { TestApiKeyDto } from './dto/api-key.dto';
import { TestApiKeyResponse } from './dto/api-key.response';

@ApiTags('API keys')
@ApiParam({ name: 'workspaceId', format: 'uuid' })
@Controller('workspaces/:workspaceId/api-keys/test')
export class ApiKeyTestsController {
  constructor(
    private readonly providerFactory: ProviderFactory,
    private readonly apiKeys: ApiKeysService,
    private readonly credentials: ApiKeyCredentials,
    private readonly intake: ApiKeyIntake,
    private readonly tests: ApiKeyTests,
  ) {}

  @Post()
  @ApiOperation({ summary: 'Test a saved or an unsaved key by a real call that costs nothing' })
  @HttpCode(200)
  @Requires('api-keys:test')
  @ApiOkResponse({
    type: TestApiKeyResponse,
    description: 'Also when the key is refused: see `ok`',
  })
  async test(
    @CurrentWorkspaceId() workspaceId: string,
    @Body() body: TestApiKeyDto,
  ): Promise<TestApiKeyResponse> {
    const { keyId, provider, apiKey, baseUrl } = body;
    if (keyId !== undefined && provider === undefined && apiKey === undefined && baseUrl == null) {
      return this.testSaved(workspaceId, keyId);
    }
    if (keyId === undefined && provider !== undefined && apiKey !== undefined) {
      const accepted = this.intake.accept({ provider, apiKey, baseUrl });
      return this.tests.run(
        { workspaceId, keyId: null, provider: accepted.provider.id, baseUrl: accepted.baseUrl },
        this.providerFactory.createProvider(accepted.provider.id, accepted.secret, {
          baseUrl: accepted.baseUrl,
        }),
      );
    }
    throw new AppError('validation_failed', 'Send either `keyId`, or `provider` and `apiKey`.', {
      fields: [{ pointer: '/keyId', message: 'either keyId, or provider and apiKey' }],
    });
  }

  private async testSaved(workspaceId: string, keyId: string): Promise<TestApiKeyResponse> {
    const { provider: type, enabled, baseUrl } = await this.apiKeys.get(workspaceId, keyId);
    if (!enabled) throw new AppError('unprocessable', 'The key is disabled. Enable it to test it.');
    const tested = { workspaceId, keyId, provider: type, baseUrl };
    try {
      const credential = await this.credentials.resolve({ ...tested, purpose: 'test' });
      const provider = this.providerFactory.createProvider(type, credential.secret, credential);
      return await this.tests.runSaved(tested, credential, provider);
    } catch (error) {
      return this.tests.unusable(tested, error);
    }
  }
}
