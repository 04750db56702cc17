import { applyDecorators, type Type } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, ApiPropertyOptional, getSchemaPath } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsInt, IsUUID, Max, Min } from 'class-validator';
import { MayBeAbsent } from '../validation/may-be-absent.decorator';

const DEFAULT_LIMIT = 20;
const LIMIT_MAX = 100;

/** As a person writes it: `0x10`, `1e1` and ` 5` are numbers to JavaScript, and mistakes in a query. */
const INTEGER = /^(0|-?[1-9][0-9]{0,8})$/;

/** Query of every list: newest first, a page at a time. */
export class ListQuery {
  @ApiPropertyOptional({
    description: 'Most entries to return',
    minimum: 1,
    maximum: LIMIT_MAX,
    default: DEFAULT_LIMIT,
    type: 'integer',
  })
  @MayBeAbsent()
  @Transform(({ value }: { value: unknown }) => toInteger(value))
  @IsInt()
  @Min(1)
  @Max(LIMIT_MAX)
  limit: number = DEFAULT_LIMIT;

  @ApiPropertyOptional({ description: '`nextCursor` of the page before', format: 'uuid' })
  @MayBeAbsent()
  @IsUUID()
  after?: string;
}

/** What is no integer stays as it is, for `IsInt` to refuse. */
function toInteger(value: unknown): unknown {
  return typeof value === 'string' && INTEGER.test(value) ? Number(value) : value;
}

/** One page. Pass `nextCursor` as `after` to get the next one; null on the last. */
export interface List<T> {
  readonly object: 'list';
  readonly data: readonly T[];
  readonly hasMore: boolean;
  readonly nextCursor: string | null;
}

/**
 * Builds a page from rows that were read with `limit + 1`: the extra row only tells that there is more.
 * The cursor is the id of the last entry.
 */
export function toList<Row extends { id: string }, T>(
  rows: readonly Row[],
  limit: number,
  present: (row: Row) => T,
): List<T> {
  const page = rows.slice(0, limit);
  const hasMore = rows.length > limit;
  return {
    object: 'list',
    data: page.map(present),
    hasMore,
    nextCursor: hasMore ? (page.at(-1)?.id ?? null) : null,
  };
}

/** Documents a route that answers with a page of `Model`. */
export function ApiListResponse(Model: Type): MethodDecorator & ClassDecorator {
  return applyDecorators(
    ApiExtraModels(Model),
    ApiOkResponse({
      schema: {
        type: 'object',
        required: ['object', 'data', 'hasMore', 'nextCursor'],
        properties: {
          object: { type: 'string', enum: ['list'] },
          data: { type: 'array', items: { $ref: getSchemaPath(Model) } },
          hasMore: { type: 'boolean' },
          nextCursor: { type: 'string', format: 'uuid', nullable: true },
        },
      },
    }),
  );
}
