import { ApiProperty, ApiPropertyOptional, OmitType } from '@nestjs/swagger';
import { IsBoolean, IsInt, IsNumber, IsObject, IsString, IsUUID, Max, Min } from 'class-validator';
import type { ExecuteParams, Message, ResponseFormat, Tool, ToolChoice } from '../../ai-providers';
import { IsPlainText, MayBeAbsent } from '../../common';
import { IsMessages, MESSAGES_MAX } from './message-list.schema';
import { IsSmallJson, METADATA_BYTES_MAX } from './small-json.decorator';
import { FitsSchema } from './tool.schema';

const NAME_LENGTH_MAX = 200;
const MAX_TOKENS_MAX = 10_000_000;
const TIMEOUT_MS_MIN = 1_000;
const TIMEOUT_MS_MAX = 3_600_000;
export const DEFAULT_TIMEOUT_MS = 600_000;

export class CreateExecutionDto {
  @ApiProperty({
    example: 'support-agent',
    maxLength: NAME_LENGTH_MAX,
    description: 'Who runs it; a name of yours',
  })
  @IsPlainText(NAME_LENGTH_MAX)
  agentId: string;

  @ApiProperty({ example: 'echo', description: 'An id of GET /api/providers' })
  @IsPlainText(64)
  provider: string;

  @ApiProperty({
    example: 'echo',
    maxLength: NAME_LENGTH_MAX,
    description: "The vendor's model name",
  })
  @IsPlainText(NAME_LENGTH_MAX)
  model: string;

  @ApiProperty({
    type: 'array',
    minItems: 1,
    maxItems: MESSAGES_MAX,
    description:
      'The conversation. `content` is a string or a list of `{type:"text",text}` and `{type:"image",url}`; an assistant message may have `toolCalls`, a tool message has `toolCallId`',
    items: {
      type: 'object',
      required: ['role', 'content'],
      properties: {
        role: { type: 'string', enum: ['system', 'user', 'assistant', 'tool'] },
        content: { oneOf: [{ type: 'string' }, { type: 'array', items: { type: 'object' } }] },
        toolCalls: { type: 'array', items: { type: 'object' } },
        toolCallId: { type: 'string' },
      },
    },
    example: [{ role: 'user', content: 'Hello' }],
  })
  @IsMessages()
  messages: Message[];

  @ApiPropertyOptional({ description: 'System prompt, before all messages' })
  @MayBeAbsent()
  @IsString()
  system?: string;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: MAX_TOKENS_MAX,
    description: 'Most output tokens',
  })
  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(MAX_TOKENS_MAX)
  maxTokens?: number;

  @ApiPropertyOptional({ minimum: 0, maximum: 2 })
  @MayBeAbsent()
  @IsNumber({ allowNaN: false, allowInfinity: false })
  @Min(0)
  @Max(2)
  temperature?: number;

  @ApiPropertyOptional({
    type: 'array',
    items: { type: 'object' },
    description:
      'Functions that the model may call: `{name, description?, parameters: JSON Schema}`',
  })
  @MayBeAbsent()
  @FitsSchema('tools')
  tools?: Tool[];

  @ApiPropertyOptional({
    oneOf: [{ type: 'string', enum: ['auto', 'none', 'required'] }, { type: 'object' }],
    description: '`auto`, `none`, `required`, or `{name}` of one tool',
  })
  @MayBeAbsent()
  @FitsSchema('toolChoice')
  toolChoice?: ToolChoice;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    description: '`{type:"text"}`, `{type:"json_object"}` or `{type:"json_schema",name,schema}`',
  })
  @MayBeAbsent()
  @FitsSchema('responseFormat')
  responseFormat?: ResponseFormat;

  @ApiPropertyOptional({
    description:
      'true: the answer comes in pieces as server-sent events, `delta` and then one `done` or `error`',
    default: false,
  })
  @MayBeAbsent()
  @IsBoolean()
  stream?: boolean;

  @ApiPropertyOptional({ format: 'uuid', description: 'The key that pays, and no other' })
  @MayBeAbsent()
  @IsUUID()
  apiKeyId?: string;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: TIMEOUT_MS_MIN,
    maximum: TIMEOUT_MS_MAX,
    default: DEFAULT_TIMEOUT_MS,
    description: 'Total deadline in milliseconds: all attempts and waits',
  })
  @MayBeAbsent()
  @IsInt()
  @Min(TIMEOUT_MS_MIN)
  @Max(TIMEOUT_MS_MAX)
  timeoutMs?: number;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    description: `Anything of yours, kept with the execution; at most ${METADATA_BYTES_MAX} bytes of JSON`,
  })
  @MayBeAbsent()
  @IsObject()
  @IsSmallJson()
  metadata?: Record<string, unknown>;
}

/** What an estimate needs: an execution without what only a run has. */
export class EstimateExecutionDto extends OmitType(CreateExecutionDto, [
  'agentId',
  'apiKeyId',
  'stream',
  'timeoutMs',
  'metadata',
]) {
  @ApiPropertyOptional({
    maxLength: NAME_LENGTH_MAX,
    description: 'Accepted so that a run can be estimated as it is',
  })
  @MayBeAbsent()
  @IsPlainText(NAME_LENGTH_MAX)
  agentId?: string;
}

/** What the provider is asked. */
export function toParams(body: CreateExecutionDto | EstimateExecutionDto): ExecuteParams {
  const { model, messages, system, maxTokens, temperature, tools, toolChoice, responseFormat } =
    body;
  return { model, messages, system, maxTokens, temperature, tools, toolChoice, responseFormat };
}
