import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import type { Response } from 'express';
import { v7 as uuidv7 } from 'uuid';
import { type ExecuteParams, ProviderFactory } from '../ai-providers';
import { ApiKeyCredentials } from '../api-keys';
import { ApiListResponse, AppError, IdPipe, type List, Secret, toList } from '../common';
import { agentInReach, CurrentPrincipal, type Principal, Requires } from '../workspaces';
import {
  CreateExecutionDto,
  DEFAULT_TIMEOUT_MS,
  EstimateExecutionDto,
} from './dto/create-execution.dto';
import { EstimateResponse, presentEstimate } from './dto/estimate.response';
import { ExecutionResponse, ExecutionSummaryResponse } from './dto/execution.response';
import { ListExecutionsQuery } from './dto/list-executions.query';
import { presentExecution, presentSummary } from './dto/present-execution';
import { ExecutionQueries } from './execution-queries';
import { ExecutionsService } from './executions.service';

/** An estimate sends nothing, so it needs no real key. */
const NO_KEY_NEEDED = new Secret('estimates-send-nothing');

@ApiTags('Executions')
@ApiParam({ name: 'workspaceId', format: 'uuid' })
@Controller('workspaces/:workspaceId/executions')
export class ExecutionsController {
  constructor(
    private readonly providerFactory: ProviderFactory,
    private readonly credentials: ApiKeyCredentials,
    private readonly executions: ExecutionsService,
    private readonly queries: ExecutionQueries,
  ) {}

  @Post()
  @ApiOperation({ summary: 'Run an execution to its end' })
  @Requires('executions:run')
  @ApiCreatedResponse({
    type: ExecutionResponse,
    description: 'The completed execution. A failed one answers with its problem and `executionId`',
  })
  async run(
    @CurrentPrincipal() principal: Principal,
    @Body() body: CreateExecutionDto,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ExecutionResponse> {
    const { workspaceId } = principal;
    agentInReach(principal, body.agentId);
    refuseUnavailable(body, idempotencyKey);
    const id = uuidv7();
    const credential = await this.credentials.resolve({
      workspaceId,
      provider: body.provider,
      keyId: body.apiKeyId,
      purpose: id,
    });
    const record = await this.executions.run({
      id,
      workspaceId,
      agentId: body.agentId,
      params: toParams(body),
      provider: this.providerFactory.createProvider(body.provider, credential.secret, credential),
      credential,
      timeoutMs: body.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      metadata: body.metadata ?? null,
    });
    response.location(`/api/workspaces/${workspaceId}/executions/${record.id}`);
    return presentExecution(record);
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

  @Get(':executionId')
  @ApiOperation({ summary: 'Get an execution with its attempts' })
  @Requires('executions:read')
  @ApiParam({ name: 'executionId', format: 'uuid' })
  @ApiOkResponse({ type: ExecutionResponse })
  async get(
    @CurrentPrincipal() principal: Principal,
    @Param('executionId', IdPipe) executionId: string,
  ): Promise<ExecutionResponse> {
    const record = await this.queries.get(principal.workspaceId, executionId);
    if (principal.agentId !== null && record.agentId !== principal.agentId) {
      throw new AppError('not_found', 'No such execution.');
    }
    return presentExecution(record);
  }
}

/** Refuses what would be ignored otherwise: a caller that counts on it would pay twice or wait for nothing. */
function refuseUnavailable(body: CreateExecutionDto, idempotencyKey: string | undefined): void {
  if (body.stream === true) {
    throw new AppError('unprocessable', 'Streaming is not available yet. Send stream: false.');
  }
  if (idempotencyKey !== undefined) {
    throw new AppError('unprocessable', 'Idempotency-Key is not available yet. Nothing was sent.');
  }
}

function toParams(body: CreateExecutionDto | EstimateExecutionDto): ExecuteParams {
  const { model, messages, system, maxTokens, temperature, tools, toolChoice, responseFormat } =
    body;
  return { model, messages, system, maxTokens, temperature, tools, toolChoice, responseFormat };
}
