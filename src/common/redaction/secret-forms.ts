import { inspect } from 'node:util';

/** One way in which a value may be written. */
export interface SecretForm {
  readonly text: string;
  /** Whether it can stand in a string of JSON: a quotation mark that is not escaped would be structure there. */
  readonly isInJson: boolean;
}

/** Below this length a value would match by chance. */
export const FORM_LENGTH_MIN = 8;
/** Shorter values without a digit may be a word, a path or a name of a field. */
const WORD_LENGTH_MAX = 19;
const UUID_OF_OURS = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[\da-f]{4}-[\da-f]{12}$/i;
/** No letters but those of a timestamp. */
const NUMBER_OR_TIME = /^[\P{L}TZ]{0,30}$/u;

/**
 * Every form of a value to look for: as it is, as Node inspects it, both escaped for JSON, URL-encoded, hexadecimal, and
 * base64 wherever it stands in a longer text. None for a value that a line may hold for other reasons: what a tenant
 * saves as a key must not blot the ids, times and field names of everybody's logs.
 */
export function secretForms(value: string): readonly SecretForm[] {
  const password = passwordOf(value);
  const values = password === null ? [value] : [value, password];
  const forms = new Map<string, SecretForm>();
  for (const text of values.filter(isTelling)) {
    for (const form of formsOf(text)) forms.set(form.text, form);
  }
  return [...forms.values()].filter(({ text }) => text.length >= FORM_LENGTH_MIN);
}

function isTelling(value: string): boolean {
  if (value.length < FORM_LENGTH_MIN || UUID_OF_OURS.test(value) || NUMBER_OR_TIME.test(value)) {
    return false;
  }
  return value.length > WORD_LENGTH_MAX || /\d/.test(value);
}

function formsOf(value: string): SecretForm[] {
  const bytes = Buffer.from(value, 'utf8');
  const wellFormed = bytes.toString('utf8');
  const printed = [value, withinJson(value), inspect(value).slice(1, -1)];
  const encoded = [
    encodeURIComponent(wellFormed),
    encodeURI(wellFormed),
    new URLSearchParams([['', wellFormed]]).toString().slice(1),
    bytes.toString('hex'),
    ...[0, 1, 2].flatMap((offset) => base64Forms(bytes, offset)),
  ];
  return [...printed, ...printed.map(withinJson), ...encoded].map((text) => ({
    text,
    isInJson: isWithinJson(text),
  }));
}

function isWithinJson(text: string): boolean {
  try {
    JSON.parse(`"${text}"`);
    return true;
  } catch {
    return false;
  }
}

function withinJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** The characters that depend on the value alone, when it begins at this offset of a group of three bytes. */
function base64Forms(bytes: Buffer, offset: number): string[] {
  const padded = Buffer.concat([Buffer.alloc(offset), bytes]);
  const from = Math.ceil((offset * 8) / 6);
  const to = Math.floor((padded.length * 8) / 6);
  return [padded.toString('base64').slice(from, to), padded.toString('base64url').slice(from, to)];
}

/** The password in a connection string, unless another part of it says the same. */
function passwordOf(value: string): string | null {
  if (!value.includes('://')) return null;
  try {
    const { password, username, href } = new URL(value);
    const isAlone = password !== '' && href.split(password).length === 2 && password !== username;
    return isAlone ? decodeURIComponent(password) : null;
  } catch {
    return null;
  }
}
