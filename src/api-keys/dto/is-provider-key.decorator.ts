import { registerDecorator } from 'class-validator';
import { PLACEHOLDER_KEY } from '../../ai-providers';

export const KEY_LENGTH_MIN = 8;
export const KEY_LENGTH_MAX = 512;

/**
 * Checks a pasted provider key. What does not fit an HTTP header exactly is refused, never repaired: a key
 * that was changed on the way in would fail at the provider for no visible reason.
 */
export function IsProviderKey(): PropertyDecorator {
  return (target, propertyKey) => {
    registerDecorator({
      name: 'isProviderKey',
      target: target.constructor,
      propertyName: String(propertyKey),
      validator: {
        validate: (value: unknown) => describeKeyFault(value) === null,
        defaultMessage: (validation) => describeKeyFault(validation?.value) ?? '',
      },
    });
  };
}

/** What is wrong with a pasted key, in words that never repeat it; null: nothing. */
export function describeKeyFault(value: unknown): string | null {
  if (typeof value !== 'string') return 'must be a string';
  if (value.trim() === '') return 'is empty';
  if (/[\r\n]/.test(value)) return 'contains a line break; paste the key as one line';
  if (value.includes('\0')) return 'contains a NUL character';
  if (/^bearer\s/i.test(value)) return 'starts with "Bearer "; paste only the key';
  if (/^["']|["']$/.test(value)) return 'is in quotation marks; paste only the key';
  if (/\s/.test(value)) return `contains a space (position ${value.search(/\s/) + 1})`;
  const foreign = value.search(/[^\x21-\x7e]/);
  if (foreign >= 0) {
    return `contains a character that no key has (position ${foreign + 1}); copy it again from the provider`;
  }
  if (value.length < KEY_LENGTH_MIN) return `is too short: at least ${KEY_LENGTH_MIN} characters`;
  if (value.length > KEY_LENGTH_MAX) return `is too long: at most ${KEY_LENGTH_MAX} characters`;
  if (value.startsWith('kr_pat_'))
    return 'is an access token of Keyrun; paste the key of the provider';
  if (value.startsWith('whsec_'))
    return 'is the secret of a webhook; paste the key of the provider';
  if (/^[A-Z][A-Z0-9_]*=[^=]/.test(value)) {
    return 'begins with the name of a variable; paste only what follows the "="';
  }
  if (value.includes(PLACEHOLDER_KEY)) return 'is no key; paste the key of the provider';
  return null;
}
