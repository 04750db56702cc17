import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ArrayNotEmpty, ArrayUnique, IsArray, IsIn, IsInt, Max, Min } from 'class-validator';
import { IsInstant, IsPlainText, MayBeAbsent } from '../../common';
import { PERMISSION_NAMES, type Permission, ROLES, type Role } from '../access/roles';

const OVERLAP_SECONDS_MAX = 7 * 86_400;

export class CreateAccessTokenDto {
  @ApiProperty({ description: 'What the token is for', minLength: 1, maxLength: 100 })
  @IsPlainText(100)
  name: string;

  @ApiProperty({ enum: ROLES, description: 'At most the role of the caller' })
  @IsIn(ROLES)
  role: Role;

  @ApiPropertyOptional({
    description: 'When the token stops working; within a year. Default: in 90 days',
    format: 'date-time',
  })
  @MayBeAbsent()
  @IsInstant()
  expiresAt?: string;

  @ApiPropertyOptional({
    enum: PERMISSION_NAMES,
    isArray: true,
    description: 'Narrow the role to these permissions, each of which it must have. Default: all',
    example: ['executions:run'],
  })
  @MayBeAbsent()
  @IsArray()
  @ArrayNotEmpty()
  @ArrayUnique()
  @IsIn(PERMISSION_NAMES, { each: true })
  scopes?: Permission[];

  @ApiPropertyOptional({
    description: 'The only agent that it may run executions as and read them of. Default: any',
    minLength: 1,
    maxLength: 200,
  })
  @MayBeAbsent()
  @IsPlainText(200)
  agentId?: string;
}

export class RotateAccessTokenDto {
  @ApiPropertyOptional({
    description: 'Seconds for which the old secret still works; at most a week',
    type: 'integer',
    minimum: 0,
    maximum: OVERLAP_SECONDS_MAX,
    default: 0,
  })
  @MayBeAbsent()
  @IsInt()
  @Min(0)
  @Max(OVERLAP_SECONDS_MAX)
  overlapSeconds: number = 0;
}

export class AccessTokenResponse {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty()
  name: string;

  @ApiProperty({ enum: ROLES, description: 'Role in this workspace' })
  role: Role;

  @ApiProperty({
    enum: PERMISSION_NAMES,
    isArray: true,
    nullable: true,
    description: 'null: not narrowed',
  })
  scopes: Permission[] | null;

  @ApiProperty({ nullable: true, type: String, description: 'null: bound to no agent' })
  agentId: string | null;

  @ApiProperty({ description: 'Last four characters of the token' })
  last4: string;

  @ApiProperty({ format: 'uuid', description: 'The workspace that the token acts in on /v1' })
  homeWorkspaceId: string;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  @ApiProperty({ format: 'date-time', nullable: true, type: String, description: 'null: never' })
  expiresAt: string | null;

  @ApiProperty({
    format: 'date-time',
    nullable: true,
    type: String,
    description: 'Until when the secret before the last rotation works; null: it does not',
  })
  overlapEndsAt: string | null;

  @ApiProperty({
    format: 'date-time',
    nullable: true,
    type: String,
    description: 'Accurate to a minute; null: never used',
  })
  lastUsedAt: string | null;
}

export class CreatedAccessTokenResponse extends AccessTokenResponse {
  @ApiProperty({ description: 'The token. It is shown this once and cannot be read again' })
  token: string;
}
