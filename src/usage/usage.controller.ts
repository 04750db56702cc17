import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import {
  ApiExtraModels,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
  getSchemaPath,
} from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { agentInReach, CurrentPrincipal, type Principal, Requires } from '../workspaces';
import { UsageQuery } from './dto/usage.query';
import { UsageReportResponse } from './dto/usage.response';
import { UsageReports } from './usage-reports';

const CSV = 'text/csv';

@ApiTags('Usage')
@ApiParam({ name: 'workspaceId', format: 'uuid' })
@ApiExtraModels(UsageReportResponse)
@Controller('workspaces/:workspaceId/usage')
export class UsageController {
  constructor(private readonly reports: UsageReports) {}

  @Get()
  @ApiOperation({ summary: 'Report what executions used and cost' })
  @Requires('usage:read')
  @ApiOkResponse({
    description: 'The sums of the same executions that the list of executions has',
    content: {
      'application/json': { schema: { $ref: getSchemaPath(UsageReportResponse) } },
      [CSV]: { schema: { type: 'string' } },
    },
  })
  async report(
    @CurrentPrincipal() principal: Principal,
    @Query() query: UsageQuery,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<UsageReportResponse | string> {
    const { workspaceId } = principal;
    query.agentId = agentInReach(principal, query.agentId);
    const format = query.format ?? (request.accepts(['json', CSV]) === CSV ? 'csv' : 'json');
    response.vary('Accept');
    if (format === 'json') return this.reports.page(workspaceId, query, new Date());
    const csv = await this.reports.csv(workspaceId, query, new Date());
    response.attachment(`usage-${workspaceId}.csv`).type(CSV);
    return csv;
  }
}
