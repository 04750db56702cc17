import { ApiProperty } from '@nestjs/swagger';
import { PERMISSION_NAMES, type Permission, ROLES, type Role } from '../access/roles';

export class SessionResponse {
  @ApiProperty({ format: 'uuid' })
  tokenId: string;

  @ApiProperty({ format: 'uuid', description: 'Home workspace of the token' })
  workspaceId: string;

  @ApiProperty({ enum: ROLES, description: 'Role in that workspace' })
  role: Role;

  @ApiProperty({ enum: PERMISSION_NAMES, isArray: true, description: 'What it may do there' })
  permissions: Permission[];

  @ApiProperty({ nullable: true, type: String, description: 'null: bound to no agent' })
  agentId: string | null;

  @ApiProperty({
    format: 'date-time',
    nullable: true,
    type: String,
    description: 'When the session ends, else the token; null: never',
  })
  expiresAt: string | null;
}
