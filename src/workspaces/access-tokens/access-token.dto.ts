import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import { IsInstant, IsPlainText, MayBeAbsent } from '../../common';
import { ROLES, type Role } from '../access/roles';

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
}

export class AccessTokenResponse {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty()
  name: string;

  @ApiProperty({ enum: ROLES, description: 'Role in this workspace' })
  role: Role;

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
    description: 'Accurate to a minute; null: never used',
  })
  lastUsedAt: string | null;
}

export class CreatedAccessTokenResponse extends AccessTokenResponse {
  @ApiProperty({ description: 'The token. It is shown this once and cannot be read again' })
  token: string;
}
