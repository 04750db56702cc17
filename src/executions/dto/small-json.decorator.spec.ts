import { validateSync } from 'class-validator';
import { IsSmallJson, METADATA_BYTES_MAX } from './small-json.decorator';

class Example {
  @IsSmallJson()
  metadata: unknown;
}

describe('IsSmallJson', () => {
  const accepts = (metadata: unknown) =>
    validateSync(Object.assign(new Example(), { metadata })).length === 0;

  it('counts bytes, not characters', () => {
    const surroundings = JSON.stringify({ x: '' }).length;
    const most = METADATA_BYTES_MAX - surroundings;
    expect(accepts({ x: 'x'.repeat(most) })).toBe(true);
    expect(accepts({ x: 'x'.repeat(most + 1) })).toBe(false);
    expect(accepts({ x: 'ü'.repeat(most / 2) })).toBe(true);
    expect(accepts({ x: 'ü'.repeat(most / 2 + 1) })).toBe(false);
  });

  it.each(['a\0b', '\0', '\\\0', '\\\\\0', '\ud800', 'x\udfffy', '\\\ud83d'])(
    'refuses %j, which PostgreSQL does not store, as a value and as a name',
    (text) => {
      expect(accepts({ x: text })).toBe(false);
      expect(accepts({ [text]: 1 })).toBe(false);
      expect(accepts({ x: [{ y: text }] })).toBe(false);
    },
  );

  it.each(['\\u0000', '\\\\u0000', '\\ud800', 'C:\\users', '🥙', '\ud7ff', '\x01', '\u2028'])(
    'takes %j, which only looks like it',
    (text) => {
      expect(accepts({ x: text, [text]: 1 })).toBe(true);
    },
  );
});
