import { Controller, Get, Headers, HttpCode, Param, Post, Res } from '@nestjs/common';
import {
  ApiHeader,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiProduces,
  ApiTags,
} from '@nestjs/swagger';
import type { Response } from 'express';
import { IdPipe } from '../common';
import { CurrentPrincipal, type Principal, Requires } from '../workspaces';
import { ExecutionResponse } from './dto/execution.response';
import { presentExecution } from './dto/present-execution';
import { findInReach } from './execution-reach';
import { ExecutionQueries } from './ledger/execution-queries';
import { isTerminal } from './ledger/execution-status';
import { Cancellation } from './lifecycle/cancellation';
import { parsePosition } from './streams/sse-response';
import { StreamFollower } from './streams/stream-follower';
import { WholeAnswers } from './streams/whole-answers';

/** Follows an execution that was started before, and ends it before its time. */
@ApiTags('Executions')
@ApiParam({ name: 'workspaceId', format: 'uuid' })
@ApiParam({ name: 'executionId', format: 'uuid' })
@Controller('workspaces/:workspaceId/executions/:executionId')
export class ExecutionProgressController {
  constructor(
    private readonly queries: ExecutionQueries,
    private readonly follower: StreamFollower,
    private readonly cancellation: Cancellation,
    private readonly whole: WholeAnswers,
  ) {}

  @Get('stream')
  @ApiOperation({
    summary: 'Follow an execution to its end',
    description:
      'Server-sent events: `delta` for each piece of a streamed answer, then exactly one `done` (the execution) or `error` (a problem with `executionId`). On the server that runs it every piece is told; on another one the text comes with the end.',
  })
  @Requires('executions:read')
  @ApiHeader({
    name: 'Last-Event-ID',
    required: false,
    description: 'The id of the last event that was read: what came after it is told',
  })
  @ApiProduces('text/event-stream')
  @ApiOkResponse({ description: 'Events until the end of the execution' })
  async stream(
    @CurrentPrincipal() principal: Principal,
    @Param('executionId', IdPipe) executionId: string,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() response: Response,
  ): Promise<void> {
    const record = await findInReach(this.queries, principal, executionId);
    const claim = { principal, permission: 'executions:read', agentId: record.agentId } as const;
    const client = this.follower.open(claim, record, response);
    return this.follower.follow(record, client, parsePosition(lastEventId));
  }

  @Post('cancel')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Cancel an execution',
    description:
      'Answers with the execution at its end. What was used until then is recorded. One that has ended stays as it ended.',
  })
  @Requires('executions:run')
  @ApiOkResponse({ type: ExecutionResponse })
  async cancel(
    @CurrentPrincipal() principal: Principal,
    @Param('executionId', IdPipe) executionId: string,
    @Res() response: Response,
  ): Promise<void> {
    const record = await findInReach(this.queries, principal, executionId);
    if (isTerminal(record.status)) {
      return this.whole.tellStored(response.status(200), presentExecution(record));
    }
    const ended = await this.cancellation.cancel(principal.workspaceId, executionId);
    return this.whole.tellPaid(response.status(200), presentExecution(ended));
  }
}
