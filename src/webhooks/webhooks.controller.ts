import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import { ApiListResponse, IdPipe, type List, ListQuery, toList } from '../common';
import { CurrentWorkspaceId, Requires } from '../workspaces';
import { CreateWebhookDto, RotateWebhookSecretDto, UpdateWebhookDto } from './dto/webhook.dto';
import {
  presentTest,
  presentWebhook,
  presentWithSecret,
  TestWebhookResponse,
  WebhookResponse,
  WebhookWithSecretResponse,
} from './dto/webhook.response';
import { WebhookTests } from './webhook-tests';
import { WebhooksService } from './webhooks.service';

@ApiTags('Webhooks')
@ApiParam({ name: 'workspaceId', format: 'uuid' })
@Controller('workspaces/:workspaceId/webhooks')
export class WebhooksController {
  constructor(
    private readonly webhooks: WebhooksService,
    private readonly tests: WebhookTests,
  ) {}

  @Post()
  @ApiOperation({ summary: 'Have a URL told how executions end; the secret is shown once' })
  @Requires('webhooks:write')
  @ApiCreatedResponse({ type: WebhookWithSecretResponse })
  async create(
    @CurrentWorkspaceId() workspaceId: string,
    @Body() body: CreateWebhookDto,
  ): Promise<WebhookWithSecretResponse> {
    return presentWithSecret(await this.webhooks.create(workspaceId, body));
  }

  @Get()
  @ApiOperation({ summary: 'List the webhooks' })
  @Requires('webhooks:read')
  @ApiListResponse(WebhookResponse)
  async list(
    @CurrentWorkspaceId() workspaceId: string,
    @Query() query: ListQuery,
  ): Promise<List<WebhookResponse>> {
    return toList(await this.webhooks.list(workspaceId, query), query.limit, presentWebhook);
  }

  @Get(':webhookId')
  @ApiOperation({ summary: 'Get a webhook' })
  @Requires('webhooks:read')
  @ApiOkResponse({ type: WebhookResponse })
  async get(
    @CurrentWorkspaceId() workspaceId: string,
    @Param('webhookId', IdPipe) webhookId: string,
  ): Promise<WebhookResponse> {
    return presentWebhook(await this.webhooks.get(workspaceId, webhookId));
  }

  @Patch(':webhookId')
  @ApiOperation({ summary: 'Change URL, events, description or whether a webhook is told' })
  @Requires('webhooks:write')
  @ApiOkResponse({ type: WebhookResponse })
  async update(
    @CurrentWorkspaceId() workspaceId: string,
    @Param('webhookId', IdPipe) webhookId: string,
    @Body() body: UpdateWebhookDto,
  ): Promise<WebhookResponse> {
    return presentWebhook(await this.webhooks.update(workspaceId, webhookId, body));
  }

  @Delete(':webhookId')
  @ApiOperation({ summary: 'Delete a webhook with its log and what was to be delivered' })
  @HttpCode(204)
  @Requires('webhooks:write')
  @ApiNoContentResponse({ description: 'Deleted' })
  async delete(
    @CurrentWorkspaceId() workspaceId: string,
    @Param('webhookId', IdPipe) webhookId: string,
  ): Promise<void> {
    await this.webhooks.delete(workspaceId, webhookId);
  }

  @Post(':webhookId/secret')
  @ApiOperation({ summary: 'Rotate the secret; the former one signs too for an overlap' })
  @Requires('webhooks:write')
  @ApiCreatedResponse({ type: WebhookWithSecretResponse })
  async rotateSecret(
    @CurrentWorkspaceId() workspaceId: string,
    @Param('webhookId', IdPipe) webhookId: string,
    @Body() { overlapSeconds }: RotateWebhookSecretDto,
  ): Promise<WebhookWithSecretResponse> {
    return presentWithSecret(
      await this.webhooks.rotateSecret(workspaceId, webhookId, overlapSeconds),
    );
  }

  @Post(':webhookId/test')
  @ApiOperation({ summary: 'Send a signed webhook.test now and tell how it ended' })
  @HttpCode(200)
  @Requires('webhooks:test')
  @ApiOkResponse({ type: TestWebhookResponse, description: 'Also when it failed: see `ok`' })
  async test(
    @CurrentWorkspaceId() workspaceId: string,
    @Param('webhookId', IdPipe) webhookId: string,
  ): Promise<TestWebhookResponse> {
    return presentTest(await this.tests.run(workspaceId, webhookId));
  }
}
