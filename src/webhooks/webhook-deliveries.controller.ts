import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { ApiListResponse, IdPipe, type List, toList } from '../common';
import { CurrentWorkspaceId, Requires } from '../workspaces';
import { DeliveryResponse, presentDelivery } from './dto/delivery.response';
import { ListDeliveriesQuery } from './dto/list-deliveries.query';
import { WebhookDeliveries } from './webhook-deliveries';

@ApiTags('Webhooks')
@ApiParam({ name: 'workspaceId', format: 'uuid' })
@Controller('workspaces/:workspaceId/webhooks/:webhookId/deliveries')
export class WebhookDeliveriesController {
  constructor(private readonly deliveries: WebhookDeliveries) {}

  @Get()
  @ApiOperation({ summary: 'List the deliveries of a webhook with their attempts' })
  @Requires('webhooks:read')
  @ApiListResponse(DeliveryResponse)
  async list(
    @CurrentWorkspaceId() workspaceId: string,
    @Param('webhookId', IdPipe) webhookId: string,
    @Query() query: ListDeliveriesQuery,
  ): Promise<List<DeliveryResponse>> {
    const rows = await this.deliveries.list(workspaceId, webhookId, query);
    return toList(rows, query.limit, presentDelivery);
  }

  @Post(':deliveryId/redrive')
  @ApiOperation({ summary: 'Deliver an event again, now, with a new schedule of attempts' })
  @HttpCode(202)
  @Requires('webhooks:write')
  @ApiAcceptedResponse({ type: DeliveryResponse })
  async redrive(
    @CurrentWorkspaceId() workspaceId: string,
    @Param('webhookId', IdPipe) webhookId: string,
    @Param('deliveryId', IdPipe) deliveryId: string,
  ): Promise<DeliveryResponse> {
    return presentDelivery(await this.deliveries.redrive(workspaceId, webhookId, deliveryId));
  }
}
