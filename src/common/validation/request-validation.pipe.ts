import {
  type ArgumentMetadata,
  Injectable,
  ValidationPipe,
  type ValidationError,
} from '@nestjs/common';
import { AppError, type FieldError } from '../errors/app-error';

/** Longest client-chosen field name that an error message repeats. */
const FIELD_NAME_LENGTH_MAX = 64;

class RejectedFields extends Error {
  constructor(readonly errors: readonly ValidationError[]) {
    super('validation failed');
  }
}

/**
 * Validates bodies and queries against their DTO. Unknown fields are refused by name; a rejected value is
 * never part of the answer.
 */
@Injectable()
export class RequestValidationPipe extends ValidationPipe {
  constructor() {
    super({
      whitelist: true,
      forbidNonWhitelisted: true,
      forbidUnknownValues: true,
      transform: true,
      validationError: { target: false, value: false },
      exceptionFactory: (errors) => new RejectedFields(errors),
    });
  }

  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (metadata.type === 'body' && !isPlainObject(value)) {
      throw new AppError('validation_failed', 'The body must be a JSON object.', {
        fields: [{ pointer: '', message: 'must be a JSON object' }],
      });
    }
    try {
      return (await super.transform(value, metadata)) as unknown;
    } catch (error) {
      if (!(error instanceof RejectedFields)) throw error;
      const root = metadata.type === 'query' ? '?' : '/';
      const fields = error.errors.flatMap((fault) => toFieldErrors(fault, root));
      const names = [...new Set(fields.map((field) => field.pointer))].join(', ');
      throw new AppError('validation_failed', `Invalid: ${names}. See \`errors\`.`, { fields });
    }
  }
}

function isPlainObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function toFieldErrors(fault: ValidationError, parent: string): FieldError[] {
  const name = fault.property
    .slice(0, FIELD_NAME_LENGTH_MAX)
    .replaceAll('~', '~0')
    .replaceAll('/', '~1');
  const pointer = `${parent}${name}`;
  const own = Object.entries(fault.constraints ?? {}).map(([rule, message]) => ({
    pointer,
    message: rule === 'whitelistValidation' ? 'is not a field of this request' : message,
  }));
  return [
    ...own,
    ...(fault.children ?? []).flatMap((child) => toFieldErrors(child, `${pointer}/`)),
  ];
}
