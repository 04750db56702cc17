import * as fc from 'fast-check';
import { Secret } from '../../common';
import { SecretFilter, withoutSecret } from './secret-filter';

const KEY = 'sk-test-ssk-0123';

function filtered(pieces: readonly string[], secret: Secret | null): string[] {
  const filter = new SecretFilter(secret);
  return [...pieces.map((piece) => filter.push(piece)), filter.end()];
}

describe('SecretFilter', () => {
  const secret = new Secret(KEY);

  it('takes the key out, however it is cut', () => {
    for (let at = 0; at <= KEY.length; at += 1) {
      const pieces = [`a ${KEY.slice(0, at)}`, `${KEY.slice(at)} b`];
      expect(filtered(pieces, secret).join('')).toBe('a [redacted] b');
    }
    expect(filtered(Array.from(`${KEY}s${KEY}`), secret).join('')).toBe('[redacted]s[redacted]');
  });

  it('shows at once what cannot be the beginning of the key, and the rest at the end', () => {
    const filter = new SecretFilter(secret);
    expect([filter.push('one s'), filter.push('k-te'), filter.push('a')]).toEqual([
      'one ',
      '',
      'sk-tea',
    ]);
    expect([filter.push('two sk'), filter.end()]).toEqual(['two ', 'sk']);
  });

  it('knows the key in the text of JSON', () => {
    const quoted = new Secret('a"b\\c');
    const json = JSON.stringify({ key: 'a"b\\c' });
    expect(filtered(Array.from(json), quoted).join('')).toBe('{"key":"[redacted]"}');
    expect(withoutSecret('a"b\\c', quoted)).toBe('[redacted]');
  });

  it('never shows half a character', () => {
    const filter = new SecretFilter(null);
    expect([filter.push('a\ud83d'), filter.push('\ude00'), filter.end()]).toEqual(['a', '😀', '']);
    expect([filter.push('\ud83d'), filter.end()]).toEqual(['', '\ud83d']);
  });

  it('shows the same for every way to cut a text, and never the key', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '"', '\\', '😀'), maxLength: 6 });
    fc.assert(
      fc.property(letters, fc.array(letters), (key, texts) => {
        const one = key === '' ? null : new Secret(key);
        const pieces = texts.flatMap((text) => [key, text, key.slice(1)]);
        const shown = filtered(pieces, one).join('');
        expect(shown).toBe(withoutSecret(pieces.join(''), one));
        if (one !== null) expect(shown.split('[redacted]').join('|')).not.toContain(key);
        else expect(shown).toBe(pieces.join(''));
      }),
      { numRuns: 500 },
    );
  });
});
