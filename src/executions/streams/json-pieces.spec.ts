import fc from 'fast-check';
import { jsonPieces, PIECE_CHARACTERS, slices } from './json-pieces';

describe('JSON in pieces', () => {
  it('is that of JSON.stringify', () => {
    const anything = fc.oneof(
      fc.jsonValue({ maxDepth: 4 }),
      fc.record({ here: fc.string({ unit: 'binary' }), gone: fc.constant(undefined) }),
    );
    fc.assert(
      fc.property(anything, (value) => {
        expect([...jsonPieces(value)].join('')).toBe(JSON.stringify(value));
      }),
    );
  });

  it.each(['x', '🔑', '\uD83D', '"\n\u2028'])('is so for a long text of %j', (part) => {
    for (const shift of ['', 'a']) {
      const value = { text: [shift + part.repeat(PIECE_CHARACTERS)] };
      const pieces = [...jsonPieces(value)];
      expect(pieces.join('') === JSON.stringify(value)).toBe(true);
      // What is escaped takes up to six characters for one.
      expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(7 * PIECE_CHARACTERS);
    }
  });

  it('parts a text without losing any of it, from any offset', () => {
    const text = '🔑'.repeat(PIECE_CHARACTERS);
    for (const offset of [0, 1, 2, text.length - 1, text.length, text.length + 1]) {
      expect([...slices(text, offset)].join('') === text.slice(offset)).toBe(true);
    }
  });
});
