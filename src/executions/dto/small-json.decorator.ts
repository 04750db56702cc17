import { registerDecorator } from 'class-validator';

export const METADATA_BYTES_MAX = 4_096;
/** A NUL or half of a surrogate pair in JSON text, as `JSON.stringify` escapes them. PostgreSQL stores neither. */
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/;

/** A JSON value that is small enough for the narrow row of the ledger. */
export function IsSmallJson(): PropertyDecorator {
  return (target, propertyKey) => {
    registerDecorator({
      name: 'isSmallJson',
      target: target.constructor,
      propertyName: String(propertyKey),
      validator: {
        validate: (value: unknown) => {
          const text = JSON.stringify(value);
          return Buffer.byteLength(text) <= METADATA_BYTES_MAX && !UNSTORABLE.test(text);
        },
        defaultMessage: () =>
          `must be at most ${METADATA_BYTES_MAX} bytes of JSON without NUL characters and halves of surrogate pairs`,
      },
    });
  };
}
