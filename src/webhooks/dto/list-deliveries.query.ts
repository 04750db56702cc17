import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import { ListQuery, MayBeAbsent } from '../../common';
import { DELIVERY_STATUSES, type DeliveryStatus } from '../webhook-delivery.entity';

export class ListDeliveriesQuery extends ListQuery {
  @ApiPropertyOptional({ enum: DELIVERY_STATUSES, description: 'Only those with this status' })
  @MayBeAbsent()
  @IsIn(DELIVERY_STATUSES)
  status?: DeliveryStatus;
}
