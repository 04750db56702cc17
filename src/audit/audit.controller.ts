import { pipeline } from 'node:stream/promises';
import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { ApiListResponse, type List, toList } from '../common';
import { CurrentWorkspaceId, Requires } from '../workspaces';
import { AuditChains } from './audit-chains';
import { exportLines } from './audit-exports';
import { AuditVerifier } from './audit-verifier';
import { AuditEventResponse, AuditVerificationResponse } from './dto/audit-event.response';
import { ListAuditEventsQuery } from './dto/list-audit-events.query';

const NDJSON = 'application/x-ndjson';

@ApiTags('Audit')
@ApiParam({ name: 'workspaceId', format: 'uuid' })
@Requires('audit:read')
@Controller('workspaces/:workspaceId/audit-events')
export class AuditController {
  constructor(
    private readonly chains: AuditChains,
    private readonly verifier: AuditVerifier,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List what was done and what keys were used for, newest first' })
  @ApiListResponse(AuditEventResponse)
  async list(
    @CurrentWorkspaceId() workspaceId: string,
    @Query() query: ListAuditEventsQuery,
  ): Promise<List<AuditEventResponse>> {
    const records = await this.chains.list(workspaceId, query);
    return toList(records, query.limit, (record) => record);
  }

  @Get('export')
  @ApiOperation({ summary: 'Export the whole chain in order, one JSON object per line' })
  @ApiProduces(NDJSON)
  @ApiOkResponse({
    description:
      'The events; the last line is `{"head":{…}}`. Verify it with `keyrun audit verify`',
    schema: { type: 'string' },
  })
  async export(
    @CurrentWorkspaceId() workspaceId: string,
    @Res() response: Response,
  ): Promise<void> {
    const head = await this.chains.headOrThrow(workspaceId);
    response.status(200).attachment(`audit-${workspaceId}.ndjson`).type(NDJSON);
    const lines = exportLines(this.chains.pages(workspaceId, head), workspaceId, head);
    try {
      await pipeline(lines, response);
    } catch (error) {
      // The client hung up: nobody is left to be told.
      if ((error as { code?: string }).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
    }
  }

  @Get('verify')
  @ApiOperation({ summary: 'Recompute the chain and name the first event that was tampered with' })
  @ApiOkResponse({ type: AuditVerificationResponse })
  async verify(@CurrentWorkspaceId() workspaceId: string): Promise<AuditVerificationResponse> {
    const { ok, events, head, firstBroken } = await this.verifier.verify(workspaceId);
    return { ok, events, head, firstBroken };
  }
}
