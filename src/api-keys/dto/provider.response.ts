import { ApiProperty } from '@nestjs/swagger';
import type { ProviderDescription } from '../../ai-providers';

class CredentialFieldResponse {
  @ApiProperty({ example: 'apiKey' })
  name: string;

  @ApiProperty()
  label: string;

  @ApiProperty()
  required: boolean;

  @ApiProperty({ description: 'Shown as dots, stored encrypted, never sent back' })
  secret: boolean;

  @ApiProperty({ type: String, nullable: true })
  placeholder: string | null;
}

class ProviderCapabilitiesResponse {
  @ApiProperty()
  tools: boolean;

  @ApiProperty()
  structuredOutput: boolean;

  @ApiProperty()
  images: boolean;
}

export class ProviderResponse implements ProviderDescription {
  @ApiProperty({ example: 'openai' })
  id: string;

  @ApiProperty({ example: 'OpenAI' })
  displayName: string;

  @ApiProperty()
  requiresKey: boolean;

  @ApiProperty({ type: [CredentialFieldResponse] })
  credentialFields: CredentialFieldResponse[];

  @ApiProperty({ type: String, nullable: true, description: 'null: no network call is made' })
  defaultBaseUrl: string | null;

  @ApiProperty({ type: [String], description: 'How a key of this vendor begins' })
  keyPrefixes: string[];

  @ApiProperty({ type: ProviderCapabilitiesResponse })
  capabilities: ProviderCapabilitiesResponse;

  @ApiProperty({ type: [String], description: 'Examples; any other model name is passed through' })
  models: string[];
}

export class ProvidersResponse {
  @ApiProperty({ enum: ['list'] })
  object: 'list';

  @ApiProperty({ type: [ProviderResponse] })
  data: readonly ProviderDescription[];

  @ApiProperty({ description: 'Always false: the list is one page' })
  hasMore: boolean;

  @ApiProperty({ type: String, nullable: true })
  nextCursor: string | null;
}
