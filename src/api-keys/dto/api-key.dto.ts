import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsInt, IsOptional, IsString, IsUUID, Length, Max, Min } from 'class-validator';
import { IsPlainText, MayBeAbsent } from '../../common';
import { IsProviderKey, KEY_LENGTH_MAX, KEY_LENGTH_MIN } from './is-provider-key.decorator';

const LABEL_LENGTH_MAX = 100;
const BASE_URL_LENGTH_MAX = 2_048;
const PRIORITY_MAX = 1_000;

const LABEL = { maxLength: LABEL_LENGTH_MAX, minLength: 1, example: 'Production' };
const PRIORITY = {
  minimum: 0,
  maximum: PRIORITY_MAX,
  type: 'integer',
  description: 'Keys of one provider are used in ascending order; equal ones oldest first',
} as const;
const SECRET = {
  minLength: KEY_LENGTH_MIN,
  maxLength: KEY_LENGTH_MAX,
  writeOnly: true,
  description: 'The key of the provider. Stored encrypted; never returned',
} as const;
const BASE_URL = {
  type: String,
  nullable: true,
  maxLength: BASE_URL_LENGTH_MAX,
  description:
    "Where the key is sent, exactly as the vendor's SDK takes it (OpenAI's ends in /v1, Anthropic's does not). Default: the vendor. Sealed into the stored key, so it changes only together with the secret",
} as const;

export class CreateApiKeyDto {
  @ApiProperty({ example: 'openai', description: 'An id of GET /api/providers' })
  @IsString()
  @Length(1, 64)
  provider: string;

  @ApiProperty(SECRET)
  @IsProviderKey()
  apiKey: string;

  @ApiPropertyOptional({ ...LABEL, description: 'Default: the name of the provider' })
  @MayBeAbsent()
  @IsPlainText(LABEL_LENGTH_MAX)
  label?: string;

  @ApiPropertyOptional(BASE_URL)
  @IsOptional()
  @IsString()
  @Length(1, BASE_URL_LENGTH_MAX)
  baseUrl?: string | null;

  @ApiPropertyOptional({ ...PRIORITY, default: 0 })
  @MayBeAbsent()
  @IsInt()
  @Min(0)
  @Max(PRIORITY_MAX)
  priority?: number;
}

export class UpdateApiKeyDto {
  @ApiPropertyOptional(LABEL)
  @MayBeAbsent()
  @IsPlainText(LABEL_LENGTH_MAX)
  label?: string;

  @ApiPropertyOptional({ description: 'A disabled key is kept and not used' })
  @MayBeAbsent()
  @IsBoolean()
  enabled?: boolean;

  @ApiPropertyOptional(PRIORITY)
  @MayBeAbsent()
  @IsInt()
  @Min(0)
  @Max(PRIORITY_MAX)
  priority?: number;
}

export class ReplaceSecretDto {
  @ApiProperty(SECRET)
  @IsProviderKey()
  apiKey: string;

  @ApiPropertyOptional({ ...BASE_URL, description: `${BASE_URL.description}. Absent: unchanged` })
  @IsOptional()
  @IsString()
  @Length(1, BASE_URL_LENGTH_MAX)
  baseUrl?: string | null;
}

export class TestApiKeyDto {
  @ApiPropertyOptional({ format: 'uuid', description: 'A saved key; then no other field' })
  @MayBeAbsent()
  @IsUUID()
  keyId?: string;

  @ApiPropertyOptional({ example: 'anthropic' })
  @MayBeAbsent()
  @IsString()
  @Length(1, 64)
  provider?: string;

  @ApiPropertyOptional({ ...SECRET, description: 'An unsaved key. It is used for the test only' })
  @MayBeAbsent()
  @IsProviderKey()
  apiKey?: string;

  @ApiPropertyOptional(BASE_URL)
  @IsOptional()
  @IsString()
  @Length(1, BASE_URL_LENGTH_MAX)
  baseUrl?: string | null;
}

export class DeleteApiKeysQuery {
  @ApiProperty({ example: 'openai', description: 'Deletes every key of this provider' })
  @IsPlainText(64)
  provider: string;
}
