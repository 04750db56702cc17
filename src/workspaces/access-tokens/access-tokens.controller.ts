import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import { ApiListResponse, IdPipe, type List, ListQuery, toList } from '../../common';
import { CurrentPrincipal, type Principal } from '../access/principal';
import { Requires } from '../access/requires.decorator';
import {
  AccessTokenResponse,
  CreateAccessTokenDto,
  CreatedAccessTokenResponse,
  RotateAccessTokenDto,
} from './access-token.dto';
import { AccessTokenRotation } from './access-token-rotation';
import { AccessTokensService, type GrantedToken } from './access-tokens.service';

@ApiTags('Access tokens')
@ApiParam({ name: 'workspaceId', format: 'uuid' })
@Controller('workspaces/:workspaceId/tokens')
export class AccessTokensController {
  constructor(
    private readonly tokens: AccessTokensService,
    private readonly rotation: AccessTokenRotation,
  ) {}

  @Post()
  @ApiOperation({ summary: 'Create an access token; it is shown once' })
  @Requires('tokens:write')
  @ApiCreatedResponse({ type: CreatedAccessTokenResponse })
  async create(
    @CurrentPrincipal() principal: Principal,
    @Body() body: CreateAccessTokenDto,
  ): Promise<CreatedAccessTokenResponse> {
    const { granted, text } = await this.tokens.create(principal, body);
    return { ...present(granted), token: text };
  }

  @Get()
  @ApiOperation({ summary: 'List the access tokens of a workspace' })
  @Requires('tokens:read')
  @ApiListResponse(AccessTokenResponse)
  async list(
    @CurrentPrincipal() principal: Principal,
    @Query() query: ListQuery,
  ): Promise<List<AccessTokenResponse>> {
    return toList(await this.tokens.list(principal.workspaceId, query), query.limit, present);
  }

  @Post(':tokenId/rotate')
  @ApiOperation({ summary: 'Give an access token a new secret' })
  @Requires('tokens:write')
  @ApiCreatedResponse({
    type: CreatedAccessTokenResponse,
    description: 'The new secret; the old one works until the overlap ends',
  })
  async rotate(
    @CurrentPrincipal() principal: Principal,
    @Param('tokenId', IdPipe) tokenId: string,
    @Body() body: RotateAccessTokenDto,
  ): Promise<CreatedAccessTokenResponse> {
    const { granted, text } = await this.rotation.rotate(principal, tokenId, body.overlapSeconds);
    return { ...present(granted), token: text };
  }

  @Delete(':tokenId')
  @ApiOperation({ summary: 'Revoke an access token' })
  @HttpCode(204)
  @Requires('tokens:write')
  @ApiNoContentResponse({ description: 'Revoked: refused from the next request on' })
  async revoke(
    @CurrentPrincipal() principal: Principal,
    @Param('tokenId', IdPipe) tokenId: string,
  ): Promise<void> {
    await this.tokens.revoke(principal, tokenId);
  }
}

function present({ role, token }: GrantedToken): AccessTokenResponse {
  return {
    id: token.id,
    name: token.name,
    role,
    scopes: token.scopes,
    agentId: token.agentId,
    last4: token.last4,
    homeWorkspaceId: token.homeWorkspaceId,
    createdAt: token.createdAt.toISOString(),
    expiresAt: token.expiresAt?.toISOString() ?? null,
    overlapEndsAt: futureOrNull(token.previousExpiresAt),
    lastUsedAt: token.lastUsedAt?.toISOString() ?? null,
  };
}

function futureOrNull(time: Date | null): string | null {
  return time !== null && time.getTime() > Date.now() ? time.toISOString() : null;
}
