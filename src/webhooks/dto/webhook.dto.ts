import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  ArrayNotEmpty,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Length,
  Max,
  Min,
} from 'class-validator';
import { IsPlainText, MayBeAbsent } from '../../common';
import { WEBHOOK_EVENTS, type WebhookEvent } from '../webhook.entity';

const URL_LENGTH_MAX = 2_048;
const DESCRIPTION_LENGTH_MAX = 200;
const OVERLAP_SECONDS_DEFAULT = 86_400;
const OVERLAP_SECONDS_MAX = 604_800;

const URL_PROPERTY = {
  minLength: 1,
  maxLength: URL_LENGTH_MAX,
  example: 'https://hooks.example.com/keyrun',
  description:
    'Public https, or a host and port that the operator allows. Redirects are not followed',
} as const;
const EVENTS = {
  enum: WEBHOOK_EVENTS,
  isArray: true,
  minItems: 1,
  uniqueItems: true,
} as const;
const DESCRIPTION = {
  type: String,
  nullable: true,
  minLength: 1,
  maxLength: DESCRIPTION_LENGTH_MAX,
} as const;

export class CreateWebhookDto {
  @ApiProperty(URL_PROPERTY)
  @IsString()
  @Length(1, URL_LENGTH_MAX)
  url: string;

  @ApiPropertyOptional({ ...EVENTS, description: 'What to be told. Default: everything' })
  @MayBeAbsent()
  @IsArray()
  @ArrayNotEmpty()
  @ArrayUnique()
  @IsIn(WEBHOOK_EVENTS, { each: true })
  events?: WebhookEvent[];

  @ApiPropertyOptional(DESCRIPTION)
  @IsOptional()
  @IsPlainText(DESCRIPTION_LENGTH_MAX)
  description?: string | null;
}

export class UpdateWebhookDto {
  @ApiPropertyOptional(URL_PROPERTY)
  @MayBeAbsent()
  @IsString()
  @Length(1, URL_LENGTH_MAX)
  url?: string;

  @ApiPropertyOptional(EVENTS)
  @MayBeAbsent()
  @IsArray()
  @ArrayNotEmpty()
  @ArrayUnique()
  @IsIn(WEBHOOK_EVENTS, { each: true })
  events?: WebhookEvent[];

  @ApiPropertyOptional(DESCRIPTION)
  @IsOptional()
  @IsPlainText(DESCRIPTION_LENGTH_MAX)
  description?: string | null;

  @ApiPropertyOptional({
    description: 'While disabled, events are not queued, and what was queued before waits',
  })
  @MayBeAbsent()
  @IsBoolean()
  enabled?: boolean;
}

export class RotateWebhookSecretDto {
  @ApiPropertyOptional({
    description: 'How long the secrets before the new one sign too, in seconds. 0: not at all',
    type: 'integer',
    minimum: 0,
    maximum: OVERLAP_SECONDS_MAX,
    default: OVERLAP_SECONDS_DEFAULT,
  })
  @MayBeAbsent()
  @IsInt()
  @Min(0)
  @Max(OVERLAP_SECONDS_MAX)
  overlapSeconds: number = OVERLAP_SECONDS_DEFAULT;
}
