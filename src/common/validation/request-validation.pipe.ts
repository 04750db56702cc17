import { type ArgumentMetadata, Injectable, type PipeTransform, type Type } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { validate, type ValidationError, type ValidatorOptions } from 'class-validator';
import { AppError, type FieldError } from '../errors/app-error';
import { isNestedTooDeeply, NESTING_MAX } from './nesting';

/** Longest client-chosen field name that an error message repeats. */
const FIELD_NAME_LENGTH_MAX = 64;

const RULES: ValidatorOptions = {
  whitelist: true,
  forbidNonWhitelisted: true,
  forbidUnknownValues: true,
  validationError: { target: false, value: false },
};

type Fields = Readonly<Record<string, unknown>>;

/**
 * Validates bodies and queries against their DTO. Unknown fields are refused by name; a rejected value is
 * never part of the answer.
 */
@Injectable()
export class RequestValidationPipe implements PipeTransform {
  async transform(value: unknown, { type, metatype }: ArgumentMetadata): Promise<unknown> {
    if ((type !== 'body' && type !== 'query') || metatype === undefined) return value;
    // A request without a body is one with an empty body.
    if (value === undefined) return this.transform({}, { type, metatype });
    if (!isFields(value)) {
      throw new AppError('validation_failed', 'The body must be a JSON object.', {
        fields: [{ pointer: '', message: 'must be a JSON object' }],
      });
    }
    const root = type === 'query' ? '?' : '/';
    refuse(Object.entries(value).flatMap((field) => describeHostile(field, root)));
    const dto = toDto(metatype as Type<object>, value);
    const errors = await validate(dto, RULES);
    refuse(errors.flatMap((fault) => toFieldErrors(fault, root)));
    return dto;
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refuse(fields: readonly FieldError[]): void {
  if (fields.length === 0) return;
  const names = [...new Set(fields.map((field) => field.pointer))].join(', ');
  throw new AppError('validation_failed', `Invalid: ${names}. See \`errors\`.`, { fields });
}

/** Faults that must be found before anything else looks at the value. */
function describeHostile([name, value]: [string, unknown], root: string): FieldError[] {
  const pointer = pointerTo(name, root);
  // `__proto__`, `constructor`, …: no field of ours, but every object seems to have it.
  if (name in Object.prototype) return [{ pointer, message: 'is not a field of this request' }];
  if (!isNestedTooDeeply(value)) return [];
  return [{ pointer, message: `is nested too deeply: at most ${NESTING_MAX} levels` }];
}

/**
 * Lists and objects stay as they came; the rules of their field check them whole. class-transformer would
 * copy them and lose keys such as `constructor`, which the JSON Schema of a tool may well have.
 */
function toDto(Dto: Type<object>, fields: Fields): object {
  const scalars: Record<string, unknown> = {};
  const structures: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    (typeof value === 'object' && value !== null ? structures : scalars)[name] = value;
  }
  return Object.assign(plainToInstance(Dto, scalars), structures);
}

function toFieldErrors(fault: ValidationError, root: string): FieldError[] {
  return Object.entries(fault.constraints ?? {}).map(([rule, message]) => ({
    pointer: pointerTo(fault.property, root),
    message: rule === 'whitelistValidation' ? 'is not a field of this request' : message,
  }));
}

function pointerTo(name: string, root: string): string {
  const cut = name.slice(0, FIELD_NAME_LENGTH_MAX);
  return `${root}${cut.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
