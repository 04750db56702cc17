import { ValidateIf } from 'class-validator';

/** A field that may be left out. Unlike `@IsOptional()` it does not let an explicit null through. */
export function MayBeAbsent(): PropertyDecorator {
  return ValidateIf((_: object, value: unknown) => value !== undefined);
}
