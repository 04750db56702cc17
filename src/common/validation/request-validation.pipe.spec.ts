import { Type } from 'class-transformer';
import { IsInt, IsOptional } from 'class-validator';
import { AppError } from '../errors/app-error';
import { IsInstant } from './is-instant.decorator';
import { describeTextFault, IsPlainText } from './is-plain-text.decorator';
import { RequestValidationPipe } from './request-validation.pipe';

class Example {
  @IsOptional()
  @IsPlainText(10)
  name?: string;

  @IsOptional()
  @Type(() => Number)
  @IsInt()
  count?: number;

  @IsOptional()
  anything?: unknown;

  @IsOptional()
  @IsInstant()
  at?: string;
}

class Demanding {
  @IsInt()
  count: number;
}

describe('RequestValidationPipe', () => {
  const pipe = new RequestValidationPipe();
  const validate = (value: unknown, type: 'body' | 'query' = 'body') =>
    pipe.transform(value, { type, metatype: Example });
  const faultsOf = async (value: unknown, type?: 'query') => {
    const failure: unknown = await validate(value, type).then(
      () => null,
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(AppError);
    return ((failure as AppError).options.fields ?? []).map(({ pointer }) => pointer);
  };

  it('makes an object of the class, with its fields converted', async () => {
    const result = await validate({ name: 'x', count: '7' });
    expect(result).toBeInstanceOf(Example);
    expect(result).toEqual({ name: 'x', count: 7 });
  });

  it('leaves lists and objects exactly as they came', async () => {
    const anything = JSON.parse('{"constructor":{"__proto__":[1]},"then":"x"}') as unknown;
    const result = (await validate({ anything })) as Example;
    expect(result.anything).toBe(anything);
  });

  it.each([null, 'text', 7, true, [], [{}]])('takes %j for no body', async (value) => {
    expect(await faultsOf(value)).toEqual(['']);
  });

  it('takes a request without a body for one with an empty body', async () => {
    expect(await validate(undefined)).toEqual(await validate({}));
    const missing = pipe.transform(undefined, { type: 'body', metatype: Demanding });
    await expect(missing).rejects.toMatchObject({
      code: 'validation_failed',
      options: { fields: [{ pointer: '/count' }] },
    });
  });

  it('tells a query from a body in the pointer', async () => {
    expect(await faultsOf({ name: '', colour: 1 })).toEqual(['/colour', '/name']);
    expect(await faultsOf({ name: '', colour: 1 }, 'query')).toEqual(['?colour', '?name']);
  });

  it('takes brackets up to a hundred deep, and no deeper', async () => {
    const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth));
    await expect(validate({ anything: nested(100) })).resolves.toBeDefined();
    expect(await faultsOf({ anything: nested(101) })).toEqual(['/anything']);
    expect(await faultsOf({ anything: nested(1_000_000) })).toEqual(['/anything']);
  });

  it.each(['__proto__', 'constructor', 'toString', 'valueOf', '__defineGetter__'])(
    'refuses the name %s, which every object seems to have',
    async (name) => {
      const value = JSON.parse(`{"${name}":{"polluted":true}}`) as unknown;
      expect(await faultsOf(value)).toEqual([`/${name}`]);
      expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    },
  );

  it('passes on what has no class to be checked against', async () => {
    await expect(pipe.transform('x', { type: 'param', metatype: String })).resolves.toBe('x');
    await expect(pipe.transform('x', { type: 'custom' })).resolves.toBe('x');
  });

  it.each([
    '2026-01-31',
    '2026-01-31T12:00Z',
    '2026-01-31T12:00:00Z',
    '2026-01-31T12:00:00.123Z',
    '2026-01-31T12:00:00+02:00',
    '2024-02-29',
  ])('takes the instant %s', async (at) => {
    await expect(validate({ at })).resolves.toEqual({ at });
    expect(Date.parse(at)).not.toBeNaN();
  });

  it.each([
    '2026-02-29',
    '2026-01-31T12:00:00',
    '2026-01-31 12:00:00Z',
    '2026-01-31T25:00Z',
    '2026-W05',
    '-2026-01-31',
    '31.01.2026',
    '',
    7,
    { toString: 'x' },
  ])('refuses the instant %j', async (at) => {
    expect(await faultsOf({ at })).toEqual(['/at']);
  });
});

describe('describeTextFault', () => {
  it.each(['x', '🥙'.repeat(10), 'zwölf Böxk', ' '])('finds none in %j', (text) => {
    expect(describeTextFault(text, 10)).toBeNull();
  });

  it.each([
    ['', /empty/],
    ['x'.repeat(11), /too long/],
    ['🥙'.repeat(11), /too long/],
    ['a\ufe0f'.repeat(6), /too long/],
    ['a\0', /control/],
    ['a\n', /control/],
    ['\x7f', /control/],
    ['\ud800', /surrogate/],
    ['\udc00x', /surrogate/],
    [7, /string/],
    [null, /string/],
  ])('finds one in %j', (text, says) => {
    expect(describeTextFault(text, 10)).toMatch(says);
  });
});
