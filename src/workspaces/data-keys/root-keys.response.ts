import { ApiProperty } from '@nestjs/swagger';

export class RootKeyResponse {
  @ApiProperty({
    description: 'Names the root key; not the key itself',
    example: '3YhmuyVGPLl1ItQ1',
  })
  id: string;

  @ApiProperty({ description: 'Data keys that need it', minimum: 0, type: 'integer' })
  dataKeys: number;

  @ApiProperty({ description: 'Protects new data keys' })
  active: boolean;

  @ApiProperty({
    description: 'Whether this server has it; without it its data keys cannot be opened',
  })
  configured: boolean;

  @ApiProperty({ description: 'No data key needs it any more: the operator may retire it' })
  retirable: boolean;
}

export class RootKeysResponse {
  @ApiProperty({
    description: 'Data keys of the server: one of each workspace, and its own',
    minimum: 0,
    type: 'integer',
  })
  dataKeys: number;

  @ApiProperty({
    description: 'Those under another root key than the active one',
    minimum: 0,
    type: 'integer',
  })
  dataKeysLeft: number;

  @ApiProperty({ type: [RootKeyResponse], description: 'The active one first' })
  rootKeys: RootKeyResponse[];
}
