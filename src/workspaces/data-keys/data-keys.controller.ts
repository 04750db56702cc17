import { Controller, Get, HttpCode, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { type DataKeyDescription, DataKeyRotation } from '../../crypto';
import { CurrentWorkspaceId } from '../access/principal';
import { Requires } from '../access/requires.decorator';
import { DataKeyResponse, RotatedDataKeyResponse } from './data-key.response';

/** The key that encrypts the API keys of a workspace: its age, and a new one. */
@ApiTags('Data keys')
@ApiParam({ name: 'workspaceId', format: 'uuid' })
@Controller('workspaces/:workspaceId/data-key')
export class DataKeysController {
  constructor(private readonly rotation: DataKeyRotation) {}

  @Get()
  @Requires('data-keys:read')
  @ApiOperation({ summary: 'Get the data key of a workspace, without the key' })
  @ApiOkResponse({ type: DataKeyResponse })
  async get(@CurrentWorkspaceId() workspaceId: string): Promise<DataKeyResponse> {
    return present(workspaceId, await this.rotation.describe(workspaceId));
  }

  /** Running executions go on; a request that reads a key meanwhile reads it again. */
  @Post('rotate')
  @HttpCode(200)
  @Requires('data-keys:rotate')
  @ApiOperation({ summary: 'Replace the data key and seal the API keys again' })
  @ApiOkResponse({ type: RotatedDataKeyResponse })
  async rotate(@CurrentWorkspaceId() workspaceId: string): Promise<RotatedDataKeyResponse> {
    const { secrets, ...dataKey } = await this.rotation.rotate(workspaceId);
    return { ...present(workspaceId, dataKey), resealedSecrets: secrets };
  }
}

function present(
  workspaceId: string,
  { id, rootKeyId, createdAt }: DataKeyDescription,
): Pick<DataKeyResponse, keyof DataKeyResponse> {
  return {
    id,
    workspaceId,
    rootKeyId,
    createdAt: createdAt.toISOString(),
    ageSeconds: Math.max(0, Math.floor((Date.now() - createdAt.getTime()) / 1_000)),
  };
}
