import { ApiProperty, ApiPropertyOptional, PartialType } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsBoolean, IsIn, ValidateIf } from 'class-validator';
import { IsPlainText, MayBeAbsent } from '../common';
import { PERMISSION_NAMES, type Permission, ROLES, type Role } from './access/roles';
import {
  ON_DISCONNECT,
  type OnDisconnect,
  STORE_CONTENT,
  type StoreContent,
} from './workspace.entity';

export class WorkspaceDto {
  @ApiProperty({ minLength: 1, maxLength: 100, example: 'Research' })
  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.trim() : value))
  @IsPlainText(100)
  name: string;
}

const STORES_CONTENT = {
  type: String,
  enum: STORE_CONTENT,
  nullable: true,
  description:
    'Whether prompts and answers are kept, encrypted: full or metadata; null: as the server is set (KEYRUN_STORE_CONTENT)',
} as const;
const DISCONNECT = {
  enum: ON_DISCONNECT,
  description: 'What becomes of an execution whose client hangs up: it goes on, or it is cancelled',
} as const;
const AT_PROVIDER = {
  description:
    'Whether vendors that can (OpenAI) are asked to store answers, so that one that a crash cost can be looked up there',
} as const;

export class UpdateWorkspaceDto extends PartialType(WorkspaceDto, { skipNullProperties: false }) {
  @ApiPropertyOptional(STORES_CONTENT)
  @ValidateIf((_: object, value: unknown) => value !== undefined && value !== null)
  @IsIn(STORE_CONTENT)
  storeContent?: StoreContent | null;

  @ApiPropertyOptional(DISCONNECT)
  @MayBeAbsent()
  @IsIn(ON_DISCONNECT)
  onDisconnect?: OnDisconnect;

  @ApiPropertyOptional(AT_PROVIDER)
  @MayBeAbsent()
  @IsBoolean()
  storeAtProvider?: boolean;
}

export class WorkspaceResponse {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty()
  name: string;

  @ApiProperty(STORES_CONTENT)
  storeContent: StoreContent | null;

  @ApiProperty(DISCONNECT)
  onDisconnect: OnDisconnect;

  @ApiProperty(AT_PROVIDER)
  storeAtProvider: boolean;

  @ApiProperty({ enum: ROLES, description: 'Role of the calling token in this workspace' })
  role: Role;

  @ApiProperty({
    enum: PERMISSION_NAMES,
    isArray: true,
    description: 'What the calling token may do in this workspace',
  })
  permissions: Permission[];

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  @ApiProperty({ format: 'date-time' })
  updatedAt: string;
}
