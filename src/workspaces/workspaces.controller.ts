import { Body, Controller, Delete, Get, HttpCode, Patch, Post, Query } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import { ApiListResponse, type List, ListQuery, toList } from '../common';
import { type Authority, permissionsOf } from './access/authority';
import { CurrentPrincipal, CurrentWorkspaceId, type Principal } from './access/principal';
import { Requires } from './access/requires.decorator';
import { UpdateWorkspaceDto, WorkspaceDto, WorkspaceResponse } from './workspace.dto';
import type { WorkspaceEntity } from './workspace.entity';
import { WorkspacesService } from './workspaces.service';

@ApiTags('Workspaces')
@Controller('workspaces')
export class WorkspacesController {
  constructor(private readonly workspaces: WorkspacesService) {}

  @Post()
  @ApiOperation({ summary: 'Create a workspace' })
  @Requires('workspaces:create')
  @ApiCreatedResponse({ type: WorkspaceResponse })
  async create(
    @CurrentPrincipal() principal: Principal,
    @Body() body: WorkspaceDto,
  ): Promise<WorkspaceResponse> {
    const workspace = await this.workspaces.create(principal, body.name);
    return present({ ...principal, role: 'owner' }, workspace);
  }

  @Get()
  @ApiOperation({ summary: 'List the workspaces of the token' })
  @Requires('workspaces:list')
  @ApiListResponse(WorkspaceResponse)
  async list(
    @CurrentPrincipal() principal: Principal,
    @Query() query: ListQuery,
  ): Promise<List<WorkspaceResponse>> {
    return toList(await this.workspaces.list(principal, query), query.limit, (workspace) =>
      present({ ...principal, role: workspace.role }, workspace),
    );
  }

  @Get(':workspaceId')
  @ApiOperation({ summary: 'Get a workspace' })
  @Requires('workspace:read')
  @ApiParam({ name: 'workspaceId', format: 'uuid' })
  @ApiOkResponse({ type: WorkspaceResponse })
  async get(@CurrentPrincipal() principal: Principal): Promise<WorkspaceResponse> {
    return present(principal, await this.workspaces.get(principal.workspaceId));
  }

  @Patch(':workspaceId')
  @ApiOperation({ summary: 'Rename a workspace or change its settings' })
  @Requires('workspace:update')
  @ApiParam({ name: 'workspaceId', format: 'uuid' })
  @ApiOkResponse({ type: WorkspaceResponse })
  async update(
    @CurrentPrincipal() principal: Principal,
    @Body() body: UpdateWorkspaceDto,
  ): Promise<WorkspaceResponse> {
    return present(principal, await this.workspaces.update(principal.workspaceId, body));
  }

  @Delete(':workspaceId')
  @ApiOperation({ summary: 'Delete a workspace; what it stored becomes unreadable' })
  @HttpCode(204)
  @Requires('workspace:delete')
  @ApiParam({ name: 'workspaceId', format: 'uuid' })
  @ApiNoContentResponse({ description: 'Deleted with its keys, tokens and executions' })
  async delete(@CurrentWorkspaceId() workspaceId: string): Promise<void> {
    await this.workspaces.delete(workspaceId);
  }
}

/** @param authority - what the caller has in this workspace. */
function present(authority: Authority, workspace: WorkspaceEntity): WorkspaceResponse {
  return {
    id: workspace.id,
    name: workspace.name,
    storeContent: workspace.storeContent,
    onDisconnect: workspace.onDisconnect,
    storeAtProvider: workspace.storeAtProvider,
    role: authority.role,
    permissions: permissionsOf(authority),
    createdAt: workspace.createdAt.toISOString(),
    updatedAt: workspace.updatedAt.toISOString(),
  };
}
