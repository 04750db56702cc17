import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsPlainText } from '../common';

export class WorkspaceDto {
  @ApiProperty({ minLength: 1, maxLength: 100, example: 'Research' })
  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.trim() : value))
  @IsPlainText(100)
  name: string;
}

export class WorkspaceResponse {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty()
  name: string;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  @ApiProperty({ format: 'date-time' })
  updatedAt: string;
}
