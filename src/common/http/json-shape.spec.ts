import * as fc from 'fast-check';
import { findJsonShapeFault, type JsonShapeLimits } from './json-shape';

const LIMITS = { depth: 64, members: 1_000, values: 500_000 };

const faultOf = (text: string, limits: JsonShapeLimits = LIMITS) =>
  findJsonShapeFault(Buffer.from(text), limits);

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

function valuesOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const parts = Object.values(value);
  // One for the bracket, and one for each comma.
  return (
    1 + Math.max(0, parts.length - 1) + parts.reduce<number>((sum, part) => sum + valuesOf(part), 0)
  );
}

describe('the shape of a JSON text', () => {
  it('is fine whatever its strings contain', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 5, stringUnit: 'binary' }),
        fc.constantFrom(0, 2),
        (value, space) => faultOf(JSON.stringify(value, null, space)) === null,
      ),
    );
    for (const text of ['\\', '\\"', '{[{[', '",:', '\\\\"', '}]', '"a":1,"a":2']) {
      expect(faultOf(JSON.stringify({ [text]: text, more: [text, { [text]: 1 }] }))).toBeNull();
    }
  });

  it('is measured as the parsed value is deep and wide', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        const text = JSON.stringify(value);
        const exact = { depth: depthOf(value), members: 1_000, values: valuesOf(value) };
        expect(faultOf(text, exact)).toBeNull();
        if (exact.depth > 0) {
          expect(faultOf(text, { ...exact, depth: exact.depth - 1 })).not.toBeNull();
          expect(faultOf(text, { ...exact, values: exact.values - 1 })).not.toBeNull();
        }
      }),
    );
  });

  it('may be 64 deep, not 65, and the fault names the field', () => {
    const nested = (depth: number) => `{"a":1,"b":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    expect(faultOf(nested(63))).toBeNull();
    expect(faultOf(nested(64))).toEqual({
      field: 'b',
      message: 'is nested too deeply: at most 64 levels',
    });
    expect(faultOf('['.repeat(65))).toMatchObject({ field: null });
  });

  it('may have 1,000 members in one object, not one more', () => {
    const members = (count: number) =>
      JSON.stringify({
        x: Object.fromEntries(Array.from({ length: count }, (_, index) => [index, index])),
      });
    expect(faultOf(members(1_000))).toBeNull();
    expect(faultOf(members(1_001))).toMatchObject({ field: 'x' });
    expect(faultOf(`[${members(1_000)},${members(1_000)}]`)).toBeNull();
  });

  it.each([
    ['{"a":1,"a":2}', 'a'],
    ['{"a":1,"\\u0061":2}', 'a'],
    ['{"x":[{"k":{}, "k" : 1}]}', 'x'],
    ['{"__proto__":1,"__proto__":2}', '__proto__'],
  ])('names no member twice: %s', (text, field) => {
    expect(faultOf(text)).toEqual({ field, message: 'names a member twice' });
  });

  it.each(['{"a":{"k":1},"b":{"k":1}}', '[{"k":1},{"k":1}]', '{"a":"a","b":"a"}'])(
    'may repeat a name elsewhere: %s',
    (text) => {
      expect(faultOf(text)).toBeNull();
    },
  );

  it.each([
    ['brackets', '['.repeat(32 * 1024 * 1024)],
    ['colons', `{"a"${':'.repeat(1_000_000)}`],
    ['quotes', '"'.repeat(4_000_000)],
    ['backslashes', `"${'\\'.repeat(8_000_000)}"`],
    ['escaped quotes', `"${'\\"'.repeat(1_000_000)}`],
    ['closing brackets', ']}'.repeat(1_000_000)],
    ['members', `{${Array.from({ length: 100_000 }, (_, index) => `"${index}":0`).join()}}`],
  ])('is found out in linear time: %s', (_name, text) => {
    // What is quadratic takes hours for these.
    const startedAt = performance.now();
    faultOf(text);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });
});
