import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { RootKeyOverview, type RootKeyState } from '../../crypto';
import { Requires } from '../access/requires.decorator';
import { type RootKeyResponse, RootKeysResponse } from './root-keys.response';

/** The keys of the server that protect data keys, and how far a change of them is. Changing them is the operator's. */
@ApiTags('Data keys')
@ApiParam({ name: 'workspaceId', format: 'uuid' })
@Controller('workspaces/:workspaceId/root-keys')
export class RootKeysController {
  constructor(private readonly overview: RootKeyOverview) {}

  @Get()
  @Requires('data-keys:read')
  @ApiOperation({
    summary: 'Get how far a change of the root key is, over all data keys of the server',
  })
  @ApiOkResponse({ type: RootKeysResponse })
  async get(): Promise<RootKeysResponse> {
    const rootKeys = (await this.overview.list()).map(present);
    return {
      dataKeys: rootKeys.reduce((sum, { dataKeys }) => sum + dataKeys, 0),
      dataKeysLeft: rootKeys.reduce((sum, key) => sum + (key.active ? 0 : key.dataKeys), 0),
      rootKeys,
    };
  }
}

function present(state: RootKeyState): RootKeyResponse {
  return {
    id: state.rootKeyId,
    dataKeys: state.dataKeys,
    active: state.isActive,
    configured: state.isConfigured,
    retirable: state.isRetirable,
  };
}
