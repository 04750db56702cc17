import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsUUID, Matches } from 'class-validator';
import { AUDIT_ACTIONS, type AuditAction } from '../../audit-trail';
import { IsInstant, ListQuery, MayBeAbsent } from '../../common';

const ACTOR = /^(server|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;

export class ListAuditEventsQuery extends ListQuery {
  @ApiPropertyOptional({ enum: AUDIT_ACTIONS })
  @MayBeAbsent()
  @IsIn(AUDIT_ACTIONS)
  action?: AuditAction;

  @ApiPropertyOptional({ description: 'The id of an access token, or `server`' })
  @MayBeAbsent()
  @Matches(ACTOR, { message: 'must be the id of an access token, or server' })
  actor?: string;

  @ApiPropertyOptional({ format: 'uuid', description: 'What it was done to, e.g. an API key' })
  @MayBeAbsent()
  @IsUUID()
  subjectId?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Occurred at or after' })
  @MayBeAbsent()
  @IsInstant()
  from?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Occurred before' })
  @MayBeAbsent()
  @IsInstant()
  to?: string;
}
