import { registerDecorator } from 'class-validator';

export const METADATA_BYTES_MAX = 4_096;

/** A JSON value that is small enough for the narrow row of the ledger. PostgreSQL stores no NUL character. */
export function IsSmallJson(): PropertyDecorator {
  return (target, propertyKey) => {
    registerDecorator({
      name: 'isSmallJson',
      target: target.constructor,
      propertyName: String(propertyKey),
      validator: {
        validate: (value: unknown) => {
          const text = JSON.stringify(value);
          return Buffer.byteLength(text) <= METADATA_BYTES_MAX && !text.includes('\\u0000');
        },
        defaultMessage: () =>
          `must be at most ${METADATA_BYTES_MAX} bytes of JSON without NUL characters`,
      },
    });
  };
}
