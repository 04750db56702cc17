import { isISO8601, registerDecorator } from 'class-validator';

const INSTANT = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/;

/**
 * A date, or a date and time with its zone, in the form of ISO 8601 that `Date` reads. Without a zone it
 * would mean the time of wherever the server stands.
 */
export function IsInstant(): PropertyDecorator {
  return (target, propertyKey) => {
    registerDecorator({
      name: 'isInstant',
      target: target.constructor,
      propertyName: String(propertyKey),
      validator: {
        validate: isInstant,
        defaultMessage: () =>
          'must be a date (2026-01-31) or a date and time with its zone (2026-01-31T12:00:00Z)',
      },
    });
  };
}

function isInstant(value: unknown): boolean {
  // The form first: beyond it, `Date` guesses.
  return typeof value === 'string' && INSTANT.test(value) && isISO8601(value, { strict: true });
}
