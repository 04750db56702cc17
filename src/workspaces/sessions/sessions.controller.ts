import { Controller, Delete, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Environment } from '../../config';
import { permissionsOf } from '../access/authority';
import { CurrentPrincipal, type Principal } from '../access/principal';
import { Requires } from '../access/requires.decorator';
import { SessionCookie } from './session-cookie';
import { SessionResponse } from './session.dto';
import { Sessions } from './sessions';

@ApiTags('Sessions')
@Controller('session')
export class SessionsController {
  private readonly cookie: SessionCookie;

  constructor(
    private readonly sessions: Sessions,
    environment: Environment,
  ) {
    this.cookie = new SessionCookie(environment.isBehindTls);
  }

  @Post()
  @ApiOperation({ summary: 'Sign in to the web UI: trade an access token for a cookie' })
  @Requires('session:use')
  @ApiCreatedResponse({ type: SessionResponse })
  async create(
    @CurrentPrincipal() principal: Principal,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<SessionResponse> {
    this.cookie.refuseOpenNetwork(request);
    const { text, session } = await this.sessions.create(principal);
    this.cookie.write(response, text);
    return present({ ...principal, session });
  }

  @Get()
  @ApiOperation({ summary: 'Who is signed in' })
  @Requires('session:use')
  @ApiOkResponse({ type: SessionResponse })
  get(@CurrentPrincipal() principal: Principal): SessionResponse {
    return present(principal);
  }

  @Delete()
  @ApiOperation({ summary: 'Sign out' })
  @HttpCode(204)
  @Requires('session:use')
  @ApiNoContentResponse({ description: 'The session is over, on every node' })
  async end(
    @CurrentPrincipal() principal: Principal,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    await this.sessions.end(principal);
    this.cookie.clear(response);
  }
}

function present(principal: Principal): SessionResponse {
  return {
    tokenId: principal.tokenId,
    workspaceId: principal.homeWorkspaceId,
    role: principal.role,
    permissions: permissionsOf(principal),
    agentId: principal.agentId,
    expiresAt: (principal.session ?? principal).expiresAt?.toISOString() ?? null,
  };
}
