import { registerDecorator } from 'class-validator';

/**
 * A text of one line, from 1 to `lengthMax` characters, that the database can store: no control character
 * (PostgreSQL has no NUL) and no half of a surrogate pair (UTF-8 has none).
 */
export function IsPlainText(lengthMax: number): PropertyDecorator {
  return (target, propertyKey) => {
    registerDecorator({
      name: 'isPlainText',
      target: target.constructor,
      propertyName: String(propertyKey),
      validator: {
        validate: (value: unknown) => describeTextFault(value, lengthMax) === null,
        defaultMessage: (validation) => describeTextFault(validation?.value, lengthMax) ?? '',
      },
    });
  };
}

/** What is wrong with a text, in words that never repeat it; null: nothing. */
export function describeTextFault(value: unknown, lengthMax: number): string | null {
  if (typeof value !== 'string') return 'must be a string';
  if (value === '') return 'is empty';
  // Code points, as PostgreSQL counts; each has at most two of the units of `length`.
  if (value.length > 2 * lengthMax || Array.from(value).length > lengthMax) {
    return `is too long: at most ${lengthMax} characters`;
  }
  if (/\p{Cc}/u.test(value)) return 'contains a control character';
  return /\p{Cs}/u.test(value) ? 'contains half of a surrogate pair' : null;
}
