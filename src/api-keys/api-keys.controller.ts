import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Param,
  Patch,
  Post,
  Put,
  Query,
} from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import { ApiListResponse, IdPipe, type List, ListQuery, toList } from '../common';
import { CurrentWorkspaceId, Requires } from '../workspaces';
import { ApiKeysService, type SavedApiKey } from './api-keys.service';
import {
  CreateApiKeyDto,
  DeleteApiKeysQuery,
  ReplaceSecretDto,
  UpdateApiKeyDto,
} from './dto/api-key.dto';
import { ApiKeyResponse, presentApiKey, SavedApiKeyResponse } from './dto/api-key.response';

@ApiTags('API keys')
@ApiParam({ name: 'workspaceId', format: 'uuid' })
@Controller('workspaces/:workspaceId/api-keys')
export class ApiKeysController {
  constructor(private readonly apiKeys: ApiKeysService) {}

  @Post()
  @ApiOperation({ summary: 'Save a provider key, encrypted' })
  @Requires('api-keys:write')
  @ApiCreatedResponse({ type: SavedApiKeyResponse })
  async create(
    @CurrentWorkspaceId() workspaceId: string,
    @Body() body: CreateApiKeyDto,
  ): Promise<SavedApiKeyResponse> {
    return presentSaved(await this.apiKeys.create(workspaceId, body));
  }

  @Get()
  @ApiOperation({ summary: 'List the keys, masked' })
  @Requires('api-keys:read')
  @ApiListResponse(ApiKeyResponse)
  async list(
    @CurrentWorkspaceId() workspaceId: string,
    @Query() query: ListQuery,
  ): Promise<List<ApiKeyResponse>> {
    return toList(await this.apiKeys.list(workspaceId, query), query.limit, presentApiKey);
  }

  @Get(':keyId')
  @ApiOperation({ summary: 'Get a key, masked' })
  @Requires('api-keys:read')
  @ApiOkResponse({ type: ApiKeyResponse })
  async get(
    @CurrentWorkspaceId() workspaceId: string,
    @Param('keyId', IdPipe) keyId: string,
  ): Promise<ApiKeyResponse> {
    return presentApiKey(await this.apiKeys.get(workspaceId, keyId));
  }

  @Patch(':keyId')
  @ApiOperation({ summary: 'Change label, priority or whether a key is used' })
  @Requires('api-keys:write')
  @ApiOkResponse({ type: ApiKeyResponse })
  async update(
    @CurrentWorkspaceId() workspaceId: string,
    @Param('keyId', IdPipe) keyId: string,
    @Body() body: UpdateApiKeyDto,
  ): Promise<ApiKeyResponse> {
    return presentApiKey(await this.apiKeys.update(workspaceId, keyId, body));
  }

  @Put(':keyId/secret')
  @ApiOperation({ summary: 'Replace the secret of a key, keeping its id' })
  @Requires('api-keys:write')
  @ApiOkResponse({ type: SavedApiKeyResponse })
  async replaceSecret(
    @CurrentWorkspaceId() workspaceId: string,
    @Param('keyId', IdPipe) keyId: string,
    @Body() body: ReplaceSecretDto,
  ): Promise<SavedApiKeyResponse> {
    return presentSaved(await this.apiKeys.replaceSecret(workspaceId, keyId, body));
  }

  @Delete(':keyId')
  @ApiOperation({ summary: 'Delete a key' })
  @HttpCode(204)
  @Requires('api-keys:write')
  @ApiNoContentResponse({ description: 'Deleted; unusable from the next request on' })
  async delete(
    @CurrentWorkspaceId() workspaceId: string,
    @Param('keyId', IdPipe) keyId: string,
  ): Promise<void> {
    await this.apiKeys.delete(workspaceId, keyId);
  }

  @Delete()
  @ApiOperation({ summary: 'Delete every key of a provider' })
  @HttpCode(204)
  @Requires('api-keys:write')
  @ApiNoContentResponse({ description: 'Every key of the provider is deleted' })
  async deleteByProvider(
    @CurrentWorkspaceId() workspaceId: string,
    @Query() query: DeleteApiKeysQuery,
  ): Promise<void> {
    await this.apiKeys.deleteByProvider(workspaceId, query.provider);
  }
}

function presentSaved({ key, warnings }: SavedApiKey): SavedApiKeyResponse {
  return { ...presentApiKey(key), warnings };
}
