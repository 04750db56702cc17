import { readRetryAfterMs, RETRY_AFTER_MS_MAX } from './retry-after';

const NOW = Date.parse('2026-11-01T12:00:00Z');

const read = (headers: Record<string, string>) => readRetryAfterMs(new Headers(headers), NOW);

describe('readRetryAfterMs', () => {
  it.each([
    ['0', 0],
    ['7', 7000],
    ['0.5', 500],
    [' 7 ', 7000],
    ['Sun, 01 Nov 2026 12:00:30 GMT', 30_000],
    ['Sunday, 01-Nov-26 12:00:30 GMT', 30_000],
    ['Sun, 01 Nov 2026 11:00:00 GMT', 0],
    ['86401', RETRY_AFTER_MS_MAX],
    ['1000000000000', RETRY_AFTER_MS_MAX],
    ['Fri, 01 Jan 2100 00:00:00 GMT', RETRY_AFTER_MS_MAX],
  ])('reads Retry-After %p as %p ms', (value, expected) => {
    expect(read({ 'retry-after': value })).toBe(expected);
  });

  it.each(['', '-5', 'abc', '1e12', 'NaN', 'Infinity', '0x10', '1,5', 'Mon, not a date at all'])(
    'ignores Retry-After %p',
    (value) => {
      expect(read({ 'retry-after': value })).toBeUndefined();
    },
  );

  it('prefers retry-after-ms, unless it cannot be read', () => {
    expect(read({ 'retry-after-ms': '1500', 'retry-after': '9' })).toBe(1500);
    expect(read({ 'retry-after-ms': '-1', 'retry-after': '9' })).toBe(9000);
    expect(read({ 'retry-after-ms': '10.2' })).toBe(11);
  });

  it('knows nothing without headers', () => {
    expect(readRetryAfterMs(undefined, NOW)).toBeUndefined();
    expect(read({})).toBeUndefined();
  });
});
