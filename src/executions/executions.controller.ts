import {
  Body,
  Controller,
  Get,
  HttpCode,
  Param,
  Post,
  Query,
  Req,
  Res,
  UseFilters,
} from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiCreatedResponse,
  ApiHeader,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiProduces,
  ApiTags,
} from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { ProviderFactory } from '../ai-providers';
import { ApiListResponse, IdPipe, type List, Secret, toList } from '../common';
import {
  agentInReach,
  ConfirmedAtStart,
  CurrentPrincipal,
  type Principal,
  Requires,
} from '../workspaces';
import { CreateExecutionDto, EstimateExecutionDto, toParams } from './dto/create-execution.dto';
import { EstimateResponse, presentEstimate } from './dto/estimate.response';
import {
  ExecutionDetailResponse,
  ExecutionResponse,
  ExecutionSummaryResponse,
} from './dto/execution.response';
import { ListExecutionsQuery } from './dto/list-executions.query';
import { presentSummary } from './dto/present-execution';
import { ExecutionAnswers } from './execution-answers';
import { ExecutionIntake } from './execution-intake';
import { findInReach } from './execution-reach';
import { ExecutionQueries } from './ledger/execution-queries';
import { ExecutionFeed } from './streams/execution-feed';
import { UnwrittenStartFilter } from './unwritten-start.filter';

/** An estimate sends nothing, so it needs no real key. */
const NO_KEY_NEEDED = new Secret('estimates-send-nothing');

@ApiTags('Executions')
@ApiParam({ name: 'workspaceId', format: 'uuid' })
@Controller('workspaces/:workspaceId/executions')
export class ExecutionsController {
  constructor(
    private readonly providerFactory: ProviderFactory,
    private readonly intake: ExecutionIntake,
    private readonly answers: ExecutionAnswers,
    private readonly queries: ExecutionQueries,
    private readonly feed: ExecutionFeed,
  ) {}

  @Post()
  @ApiOperation({
    summary: 'Run an execution',
    description:
      'Answers with the completed execution; with `stream: true` with server-sent events, `delta` for each piece and then one `done` or `error`; with `Prefer: respond-async` at once with the queued execution.',
  })
  @Requires('executions:run')
  // With these it is more than a start: a replay, or a place in the queue.
  @ConfirmedAtStart({ unlessHeaders: ['idempotency-key', 'prefer'] })
  @UseFilters(UnwrittenStartFilter)
  @ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    description:
      'The same key and body give the same answer and are paid once; 1–255 visible ASCII characters, remembered for 24 hours',
  })
  @ApiHeader({
    name: 'Prefer',
    required: false,
    description: '`respond-async`: queue it and answer 202',
  })
  @ApiCreatedResponse({
    type: ExecutionResponse,
    description: 'The completed execution. A failed one answers with its problem and `executionId`',
  })
  @ApiAcceptedResponse({ type: ExecutionResponse, description: 'Queued; see Location' })
  async run(
    @CurrentPrincipal() principal: Principal,
    @Body() body: CreateExecutionDto,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const { workspaceId } = principal;
    agentInReach(principal, body.agentId);
    const asked = this.intake.read(workspaceId, body, request);
    const earlier = await this.intake.findEarlier(asked);
    if (earlier !== null) {
      return this.answers.again(earlier, asked.mode, { principal, response });
    }
    if (asked.mode === 'async') {
      return this.answers.accepted(await this.intake.enqueue(asked), response);
    }
    const credential = await this.intake.resolve(asked);
    const provider = this.providerFactory.createProvider(
      body.provider,
      credential.secret,
      credential,
    );
    const run = { ...asked, mode: asked.mode, credential, provider };
    return this.answers.run(run, { principal, request, response });
  }

  @Post('estimate')
  @ApiOperation({ summary: 'Estimate tokens and cost without running' })
  @HttpCode(200)
  @Requires('executions:run')
  @ApiOkResponse({ type: EstimateResponse })
  async estimate(@Body() body: EstimateExecutionDto): Promise<EstimateResponse> {
    const provider = this.providerFactory.createProvider(body.provider, NO_KEY_NEEDED);
    return presentEstimate(await provider.estimateCost(toParams(body)));
  }

  @Get()
  @ApiOperation({ summary: 'List executions' })
  @Requires('executions:read')
  @ApiListResponse(ExecutionSummaryResponse)
  async list(
    @CurrentPrincipal() principal: Principal,
    @Query() query: ListExecutionsQuery,
  ): Promise<List<ExecutionSummaryResponse>> {
    query.agentId = agentInReach(principal, query.agentId);
    const records = await this.queries.list(principal.workspaceId, query);
    return toList(records, query.limit, presentSummary);
  }

  @Get('feed')
  @ApiOperation({
    summary: 'Follow a list of executions',
    description:
      'Server-sent events without end: `execution` with the summary of each of the newest executions, and again whenever one of them changes or begins. Takes the filters of the list; `limit` is how many are followed.',
  })
  @Requires('executions:read')
  @ApiProduces('text/event-stream')
  @ApiOkResponse({ description: 'Events until the client hangs up' })
  async follow(
    @CurrentPrincipal() principal: Principal,
    @Query() query: ListExecutionsQuery,
    @Res() response: Response,
  ): Promise<void> {
    query.agentId = agentInReach(principal, query.agentId);
    await this.feed.follow(principal, query, response);
  }

  @Get(':executionId')
  @ApiOperation({ summary: 'Get an execution with its attempts' })
  @Requires('executions:read')
  @ApiParam({ name: 'executionId', format: 'uuid' })
  @ApiOkResponse({ type: ExecutionDetailResponse })
  async get(
    @CurrentPrincipal() principal: Principal,
    @Param('executionId', IdPipe) executionId: string,
    @Res() response: Response,
  ): Promise<void> {
    const record = await findInReach(this.queries, principal, executionId);
    return this.answers.detailed(record, response);
  }
}
