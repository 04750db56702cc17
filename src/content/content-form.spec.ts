import { zstdCompressSync } from 'node:zlib';
import { decodeContent, encodeContent, MAXIMUM_CONTENT_BYTES } from './content-form';

const LONG = JSON.stringify({
  messages: Array.from({ length: 200 }, (_, index) => `Frage ${index}`),
});

describe('the form of content', () => {
  it.each([
    '',
    'x',
    '{"a":1}',
    'a\0b\0',
    'schlüssel-鍵-🔑',
    '\uFEFFbom',
    '\r\n\u2028\u0085',
    'lone \uD83D surrogate',
    '\uDC00',
    `${LONG}\uD800`,
    `${LONG}\0🔑`,
    LONG,
    'y'.repeat(2_000_000),
  ])('gives text %# back character by character', (text) => {
    expect(decodeContent(encodeContent(text)) === text).toBe(true);
  });

  it.each([
    [['{"a":', '"ü🔑"', '}'], 0],
    [[], 0],
    [['x'.repeat(100_000), '🔑'.repeat(50_000)], 1],
    [['y', '\uD83D'], 2],
    [['z'.repeat(100_000), '\uDC00'], 3],
  ])('of pieces %# is that of the text', (pieces, form) => {
    const encoded = encodeContent(pieces);
    expect(encoded).toEqual(encodeContent(pieces.join('')));
    expect(encoded.form).toBe(form);
    expect(decodeContent(encoded) === pieces.join('')).toBe(true);
  });

  it('is compressed where that makes it shorter', () => {
    expect(encodeContent('x'.repeat(1_023)).bytes).toHaveLength(1_023);
    expect(encodeContent('x'.repeat(1_024)).bytes.length).toBeLessThan(100);
    expect(encodeContent(LONG).bytes.length).toBeLessThan(LONG.length / 2);
    const random = Array.from({ length: 5_000 }, () =>
      String.fromCharCode(Math.floor(Math.random() * 128)),
    ).join('');
    expect(encodeContent(random).bytes.length).toBeLessThanOrEqual(5_000);
    expect(decodeContent(encodeContent(random))).toBe(random);
  });

  it('has room for 32 MiB of any text, and refuses what it would not give back', () => {
    const longest = 'é'.repeat(MAXIMUM_CONTENT_BYTES / 2);
    expect(decodeContent(encodeContent(longest)) === longest).toBe(true);
    expect(() => encodeContent(`${longest}x`)).toThrow(RangeError);
    expect(() => encodeContent(`\uD800${'x'.repeat(32 * 1024 * 1024)}`)).toThrow(RangeError);
  });

  it('never grows beyond the limit when it is read', () => {
    const bomb = zstdCompressSync(Buffer.alloc(MAXIMUM_CONTENT_BYTES + 1));
    expect(bomb.length).toBeLessThan(20_000);
    expect(() => decodeContent({ bytes: bomb, form: 1 })).toThrow(
      expect.objectContaining({ code: 'malformed' }),
    );
  });

  it.each([
    ['an unknown form', Buffer.from('x'), 4],
    ['another unknown form', Buffer.from('x'), 255],
    ['what is not compressed', Buffer.from('plain'), 1],
    ['what is cut off', encodeContent(LONG).bytes.subarray(0, -3), 1],
  ])('refuses %s', (_, bytes, form) => {
    expect(() => decodeContent({ bytes, form })).toThrow(
      expect.objectContaining({ code: 'malformed' }),
    );
  });
});
