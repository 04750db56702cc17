import crypto, { hkdfSync, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';

import { EXIT_CODE, Secret, StartupError } from '../common';
import { generateRootKey, parseRootKey } from './root-key';

const GENERATE = 'Generate one: openssl rand -base64 32.';
const KEEP = 'Keep a copy outside this machine; without it stored keys are lost.';

const bytes = Buffer.from(
  'f3a1c47e0b92d85566ee1f3c9a07b8d2417dc6e9508bfa23146f9ce0337ab5d1',
  'hex',
);
const keyText = bytes.toString('base64');

/** Bytes whose base64 text holds `+`, `/` and padding. */
const symbols = Buffer.from(
  'fbff3efa1100223344556677889901a0b0c0d0e0f0fb3ffe102132435465768a',
  'hex',
);

function refusal(text: string | undefined): StartupError {
  try {
    parseRootKey(text === undefined ? undefined : new Secret(text), 'KEYRUN_ROOT_KEY');
  } catch (error) {
    if (error instanceof StartupError) return error;
    throw error;
  }
  throw new Error('The key was accepted.');
}

/** Neither the text nor any eight characters of it in a row. */
function expectNoTrace(error: StartupError, text: string): void {
  const printed = [error.message, String(error.stack?.split('\n    at ')[0]), inspect(error.cause)];
  const shown = printed.join('\n').replaceAll(GENERATE, '').replaceAll(KEEP, '');
  if (text.length > 0 && text.trim() !== '') expect(shown.includes(text)).toBe(false);
  for (let start = 0; start + 8 <= Math.min(text.length, 200); start += 1) {
    const part = text.slice(start, start + 8);
    if (part.trim().length === 8) expect(shown.includes(part)).toBe(false);
  }
}

describe('parseRootKey', () => {
  it.each([
    ['hex', bytes.toString('hex')],
    ['upper-case hex', bytes.toString('hex').toUpperCase()],
    ['base64', keyText],
    ['base64 without padding', keyText.replace('=', '')],
    ['base64url', bytes.toString('base64url')],
    ['base64url with padding', `${bytes.toString('base64url')}=`],
  ])('reads the same key from %s', (_name, text) => {
    const rootKey = parseRootKey(new Secret(text), 'KEYRUN_ROOT_KEY');
    expect(rootKey.key.export().equals(bytes)).toBe(true);
    expect(rootKey.id).toBe(
      Buffer.from(hkdfSync('sha256', bytes, '', 'keyrun/root-key-id/v1', 12)).toString('base64url'),
    );
    expect(rootKey.id).toMatch(/^[A-Za-z0-9_-]{16}$/);
  });

  it('reads both alphabets, but never mixed', () => {
    const standard = symbols.toString('base64');
    const url = symbols.toString('base64url');
    expect(standard).toMatch(/\+.*\/|\/.*\+/);
    expect(parseRootKey(new Secret(standard), 'X').id).toBe(parseRootKey(new Secret(url), 'X').id);
    refusal(standard.replace('+', '-'));
    refusal(standard.replace('/', '_'));
  });

  it.each([undefined, ''])('refuses a missing key (%p) and says how to make one', (text) => {
    const error = refusal(text);
    expect(error.exitCode).toBe(EXIT_CODE.configuration);
    expect(error.exitCode).toBe(78);
    expect(error.message).toBe(
      text === undefined
        ? `KEYRUN_ROOT_KEY is not set. ${GENERATE} ${KEEP}`
        : `KEYRUN_ROOT_KEY is set but empty; it must be 64 hex or 43–44 base64 characters. ${GENERATE} ${KEEP}`,
    );
  });

  it.each<[string, string, string]>([
    ['one hex character short', bytes.toString('hex').slice(1), '63 characters'],
    ['one hex character long', `${bytes.toString('hex')}0`, '65 characters'],
    [
      '64 characters, one not hex',
      `${bytes.toString('hex').slice(1)}g`,
      '64 characters that are neither',
    ],
    ['0x before hex', `0x${bytes.toString('hex')}`, '66 characters'],
    ['a 16-byte hex key', bytes.toString('hex', 0, 16), '32 characters'],
    ['a 16-byte base64 key', bytes.toString('base64', 0, 16), '24 characters'],
    ['a 31-byte base64 key', bytes.toString('base64', 0, 31), '44 characters that are neither'],
    [
      'a 33-byte base64 key',
      Buffer.concat([bytes, Buffer.of(7)]).toString('base64'),
      '44 characters that are neither',
    ],
    ['two padding characters', `${keyText.slice(0, 42)}==`, '44 characters that are neither'],
    [
      'a non-canonical last character',
      keyText.replace('E=', 'F='),
      '44 characters that are neither',
    ],
    ['the same without padding', keyText.replace('E=', 'H'), '43 characters that are neither'],
    [
      'the same in base64url',
      `${bytes.toString('base64url').slice(0, 42)}G`,
      '43 characters that are neither',
    ],
    ['a trailing newline', `${keyText}\n`, '45 characters'],
    [
      'a newline in place of the padding',
      keyText.replace('=', '\n'),
      '44 characters that are neither',
    ],
    ['a trailing CRLF', `${keyText}\r\n`, '46 characters'],
    ['a leading space', ` ${keyText}`, '45 characters'],
    [
      'a space inside',
      `${keyText.slice(0, 20)} ${keyText.slice(21)}`,
      '44 characters that are neither',
    ],
    ['double quotes', `"${keyText}"`, '46 characters'],
    ['single quotes, 44 in all', `'${keyText.slice(0, 42)}'`, '44 characters that are neither'],
    ['a byte order mark', `\uFEFF${keyText}`, '45 characters'],
    ['only blanks', '   ', '3 characters'],
    ['a passphrase', 'correct horse battery staple', '28 characters'],
    ['the example of a .env file', 'change-me', '9 characters'],
    ['full-width digits', '０'.repeat(64), '64 characters that are neither'],
    ['__proto__', '__proto__', '9 characters'],
    ['two keys', `${keyText},${keyText}`, '89 characters'],
    ['1 MB', 'A'.repeat(1_000_000), '1000000 characters'],
  ])('refuses %s as malformed', (_name, text, got) => {
    const error = refusal(text);
    expect(error.exitCode).toBe(78);
    expect(error.message).toBe(
      `KEYRUN_ROOT_KEY must be 64 hex or 43–44 base64 characters; got ${got}. ` +
        `Give the key alone: no quotes, spaces or line breaks. ${GENERATE}`,
    );
    expectNoTrace(error, text);
  });

  const sequence = (step: number, first = 0): string =>
    Buffer.from(Array.from({ length: 32 }, (_, index) => (first + index * step) & 0xff)).toString(
      'hex',
    );

  it.each<[string, string]>([
    ['64 zeros (Langfuse)', '0'.repeat(64)],
    ['64 f', 'f'.repeat(64)],
    ['deadbeef repeated', 'deadbeef'.repeat(8)],
    ['0123456789abcdef repeated', '0123456789abcdef'.repeat(4)],
    ['a random half, twice (period 16)', bytes.toString('hex', 0, 16).repeat(2)],
    ['period 5', bytes.toString('hex', 0, 5).repeat(7).slice(0, 64)],
    [
      '16 distinct bytes in no order',
      Buffer.from([...bytes.subarray(0, 16)].concat([...bytes.subarray(0, 16)].reverse())).toString(
        'hex',
      ),
    ],
    ['44 A in base64', `${'A'.repeat(43)}=`],
    ['00 01 02 …', sequence(1)],
    ['ff fe fd …', sequence(-1, 255)],
    ['01 08 0f … through 256', sequence(7, 1)],
    ['a step of 129', sequence(129, 200)],
    [
      'a 32-character passphrase in base64',
      Buffer.from('Pack my box with 5 dozen jugs 42').toString('base64'),
    ],
    [
      'a 32-character hex string in base64 (Infisical)',
      Buffer.from('6c1fe4e407b8911c104518103505b218').toString('base64'),
    ],
    [
      '32 printable characters, space to tilde',
      Buffer.from(' !"#$%&\'()*+,-./0123456789:;<ZX~').subarray(0, 32).toString('hex'),
    ],
  ])('refuses %s as weak', (_name, text) => {
    const error = refusal(text);
    expect(error.exitCode).toBe(78);
    expect(error.message).toBe(
      `KEYRUN_ROOT_KEY looks like a placeholder or passphrase. ${GENERATE} ${KEEP}`,
    );
    expectNoTrace(error, text);
  });

  it('accepts what is one step from weak', () => {
    const seventeen = Buffer.concat([bytes.subarray(0, 17), bytes.subarray(0, 15)]);
    expect(new Set(seventeen).size).toBe(17);
    const printable = 'Pack my box with 5 dozen jugs 4';
    const above = Buffer.from(`${printable}\x7f`);
    const below = Buffer.from(`${printable}\x1f`);
    const almostSequence = Buffer.from(sequence(1), 'hex');
    almostSequence.writeUInt8(0x20, 31);
    for (const accepted of [seventeen, above, below, almostSequence]) {
      expect(parseRootKey(new Secret(accepted.toString('hex')), 'X').key.type).toBe('secret');
    }
  });

  it('names the variable it was given', () => {
    expect(() => parseRootKey(undefined, 'KEYRUN_ROOT_KEY_FILE')).toThrow(
      /^KEYRUN_ROOT_KEY_FILE is not set\./,
    );
    expect(() => parseRootKey(new Secret('x'), 'KEYRUN_PREVIOUS_ROOT_KEYS')).toThrow(
      /^KEYRUN_PREVIOUS_ROOT_KEYS must be/,
    );
  });

  it('gives a key that prints none of its bytes', () => {
    const rootKey = parseRootKey(new Secret(keyText), 'KEYRUN_ROOT_KEY');
    const printed = inspect(rootKey, { depth: null, showHidden: true }) + JSON.stringify(rootKey);
    for (const form of ['hex', 'base64', 'base64url'] as const) {
      expect(printed.includes(bytes.toString(form).slice(0, 12))).toBe(false);
    }
  });

  it('zeroes the bytes it decoded or drew, also of a refused key', () => {
    const fills = jest.spyOn(Buffer.prototype, 'fill');
    parseRootKey(new Secret(keyText), 'X');
    refusal('0123456789abcdef'.repeat(4));
    generateRootKey();
    const zeroed = fills.mock.contexts as Buffer[];
    fills.mockRestore();
    expect(zeroed).toHaveLength(3);
    for (const buffer of zeroed) expect(buffer.equals(Buffer.alloc(32))).toBe(true);
  });

  it('gives different keys different ids', () => {
    const ids = Array.from({ length: 500 }, () => parseRootKey(generateRootKey(), 'X').id);
    expect(new Set(ids).size).toBe(500);
  });
});

describe('generateRootKey', () => {
  it('makes 10,000 keys that the parser accepts, none twice', () => {
    const texts = new Set<string>();
    for (let count = 0; count < 10_000; count += 1) {
      const text = generateRootKey();
      parseRootKey(text, 'X');
      texts.add(text.expose());
    }
    expect(texts.size).toBe(10_000);
    for (const text of texts) {
      if (!/^[A-Za-z0-9+/]{43}=$/.test(text)) throw new Error('not 44 base64 characters');
    }
  });

  it('draws again when chance gave a weak key', () => {
    const draws = [Buffer.alloc(32, 7), Buffer.from('a passphrase of 32 characters ..'), bytes];
    const draw = jest.spyOn(crypto, 'randomBytes');
    draw.mockImplementation(() => Buffer.from(draws.shift()!));
    const text = generateRootKey();
    draw.mockRestore();
    expect(draws).toEqual([]);
    expect(text.expose()).toBe(bytes.toString('base64'));
  });

  it('agrees with the parser on 10,000 random keys in hex: no false alarm', () => {
    for (let count = 0; count < 10_000; count += 1) {
      parseRootKey(new Secret(randomBytes(32).toString('hex')), 'X');
    }
  });
});
