import { ApiProperty } from '@nestjs/swagger';

export class DataKeyResponse {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ format: 'uuid' })
  workspaceId: string;

  @ApiProperty({
    description: 'Names the root key that protects the data key; not the key itself',
    example: '3YhmuyVGPLl1ItQ1',
  })
  rootKeyId: string;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  @ApiProperty({ description: 'Whole seconds since it was made', minimum: 0 })
  ageSeconds: number;
}

export class RotatedDataKeyResponse extends DataKeyResponse {
  @ApiProperty({
    description: 'API keys, webhook secrets and content keys that were sealed again',
    minimum: 0,
  })
  resealedSecrets: number;
}
