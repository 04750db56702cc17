import { randomBytes } from 'node:crypto';

import { CryptoRefused } from './crypto.errors';
import {
  ENVELOPE_SQL_PATTERN,
  formatEnvelope,
  MAXIMUM_SECRET_BYTES,
  parseEnvelope,
} from './envelope';

const ID = '019396a0-0000-7000-8000-0000000000d1';
const PAYLOAD = Buffer.alloc(44, 0xa5).toString('base64url');
const GOOD = `s1:${ID}:${PAYLOAD}`;

function outcome(text: unknown): string {
  try {
    parseEnvelope(text);
    return 'parsed';
  } catch (error) {
    if (error instanceof CryptoRefused) return error.code;
    throw error;
  }
}

describe('parseEnvelope', () => {
  it.each([28, 29, 30, 31, 500])('reads what formatEnvelope writes (%i bytes)', (size) => {
    const sealed = randomBytes(size);
    const text = formatEnvelope({ dataKeyId: ID, sealed });
    expect(parseEnvelope(text)).toEqual({ dataKeyId: ID, sealed });
    expect(text).toMatch(new RegExp(ENVELOPE_SQL_PATTERN));
  });

  it('reads the longest secret that may be sealed, and nothing longer than 24,000 characters', () => {
    const longest = formatEnvelope({
      dataKeyId: ID,
      sealed: randomBytes(MAXIMUM_SECRET_BYTES + 28),
    });
    expect(longest.length).toBe(24_000);
    expect(outcome(longest)).toBe('parsed');
    const longer = formatEnvelope({
      dataKeyId: ID,
      sealed: randomBytes(MAXIMUM_SECRET_BYTES + 29),
    });
    expect(outcome(longer)).toBe('malformed');
  });

  it.each<[string, unknown]>([
    ['nothing', ''],
    ['null', null],
    ['undefined', undefined],
    ['a number', 1],
    ['an array of a good text', [GOOD]],
    ['an object that prints as a good text', { toString: () => GOOD }],
    ['a String object', Object(GOOD)],
    ['__proto__', '__proto__'],
    ['__proto__ as data key id', `s1:__proto__:${PAYLOAD}`],
    ['plaintext', 'sk-proj-0123456789abcdefghijklmnopqrstuvwxyz'],
    ['no prefix', `${ID}:${PAYLOAD}`],
    ['an older version', GOOD.replace('s1', 's0')],
    ['a newer version', GOOD.replace('s1', 's2')],
    ['an upper-case version', GOOD.replace('s1', 'S1')],
    ['iv:ct:tag in hex (Langfuse)', `${'0'.repeat(24)}:${'1'.repeat(64)}:${'2'.repeat(32)}`],
    ['a Salted__ CBC text (n8n)', 'U2FsdGVkX1/2KJrnGVBzEgfIcjmpYE1G9wnuvJGCUFA='],
    ['a wrapped data key', `w1:local:${'A'.repeat(16)}:${'A'.repeat(80)}`],
    ['an upper-case UUID', `s1:${ID.toUpperCase()}:${PAYLOAD}`],
    ['a UUID without dashes', `s1:${ID.replaceAll('-', '')}:${PAYLOAD}`],
    ['a UUID in braces', `s1:{${ID}}:${PAYLOAD}`],
    ['an empty data key id', `s1::${PAYLOAD}`],
    ['an empty payload', `s1:${ID}:`],
    ['a payload one byte shorter than IV and tag', `s1:${ID}:${'A'.repeat(36)}`],
    ['a trailing newline', `${GOOD}\n`],
    ['a trailing carriage return', `${GOOD}\r`],
    ['a leading newline', `\n${GOOD}`],
    ['two envelopes in two lines', `${GOOD}\n${GOOD}`],
    ['a trailing space', `${GOOD} `],
    ['a trailing NUL', `${GOOD}\0`],
    ['a byte order mark', `\uFEFF${GOOD}`],
    ['padding', `s1:${ID}:${Buffer.alloc(29, 0xa5).toString('base64url')}=`],
    ['the + of base64', `s1:${ID}:${'+'.repeat(40)}`],
    ['the / of base64', `s1:${ID}:${'/'.repeat(40)}`],
    ['a length no bytes encode to', `s1:${ID}:${'A'.repeat(41)}`],
    ['2 non-zero trailing bits', `s1:${ID}:${'A'.repeat(38)}B`],
    ['4 non-zero trailing bits', `s1:${ID}:${'A'.repeat(37)}P`],
    ['a fourth part', `${GOOD}:${PAYLOAD}`],
    ['a look-alike letter', GOOD.replace('s1', 'ѕ1')],
  ])('refuses %s', (_name, text) => {
    expect(outcome(text)).toBe('malformed');
  });

  it('accepts one spelling of each text: the last character in all 64 forms', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const accepted = (length: number): number =>
      Array.from(alphabet).filter(
        (last) => outcome(`s1:${ID}:${'A'.repeat(length - 1)}${last}`) === 'parsed',
      ).length;
    expect([38, 39, 40, 41].map(accepted)).toEqual([4, 16, 64, 0]);
  });

  it('refuses 1 MB of anything at once', () => {
    const start = performance.now();
    for (const filler of ['A', 's1:', ':', `${ID}:`, '\n', '=', 'ä', '\0']) {
      const megabyte = filler.repeat(Math.ceil(1_000_000 / filler.length));
      expect(outcome(megabyte)).toBe('malformed');
      expect(outcome(`s1:${ID}:${megabyte}`)).toBe('malformed');
      expect(outcome(`s1:${ID}:${megabyte.slice(0, 23_900)}!`)).toBe('malformed');
    }
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  it('leaves no trace of __proto__', () => {
    outcome(`s1:__proto__:${PAYLOAD}`);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});

describe('ENVELOPE_SQL_PATTERN', () => {
  it('lets no plaintext in', () => {
    const pattern = new RegExp(ENVELOPE_SQL_PATTERN);
    for (const text of [
      '',
      'sk-proj-0123',
      `s1:${ID}:sk-proj-0123`,
      `s1:${PAYLOAD}`,
      `${GOOD}\n`,
    ]) {
      expect(text).not.toMatch(pattern);
    }
  });
});
