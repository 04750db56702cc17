import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ProviderFactory } from '../ai-providers';
import { Requires } from '../workspaces';
import { ProvidersResponse } from './dto/provider.response';

@ApiTags('Providers')
@Controller('providers')
export class ProvidersController {
  constructor(private readonly providerFactory: ProviderFactory) {}

  @Get()
  @ApiOperation({ summary: 'List the providers with models and credential fields' })
  @Requires('providers:read')
  @ApiOkResponse({ type: ProvidersResponse })
  list(): ProvidersResponse {
    return { object: 'list', data: this.providerFactory.list(), hasMore: false, nextCursor: null };
  }
}
