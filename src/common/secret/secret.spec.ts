import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { format, formatWithOptions, inspect } from 'node:util';

import pino from 'pino';

import { Secret } from './secret';

const CANARY = 'sk-canary-5f1805060c2d738a5bae1f7ca41b58d4';
const secret = new Secret(CANARY);

function written(write: (stream: Writable) => void): string {
  let text = '';
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  write(stream);
  return text;
}

describe('Secret', () => {
  it('gives the value to expose() only', () => {
    expect(secret.expose()).toBe(CANARY);
    expect(new Secret('').expose()).toBe('');
  });

  it.each<[string, () => string]>([
    ['a template', () => `key: ${secret as unknown as string}`],
    ['concatenation', () => 'key: ' + (secret as unknown as string)],
    ['String()', () => String(secret)],
    ['toLocaleString()', () => secret.toLocaleString()],
    ['Array.join', () => [secret, 'x'].join()],
    ['JSON.stringify', () => JSON.stringify({ secret, list: [secret] })],
    ['util.inspect', () => inspect({ secret }, { depth: null, showHidden: true, getters: true })],
    ['%s', () => format('%s', secret)],
    ['%o and %O and %j', () => format('%o %O %j', secret, { secret }, { secret })],
    ['colours', () => formatWithOptions({ colors: true }, '%O', { secret })],
    [
      'console.log',
      () =>
        written((stream) => {
          new Console(stream).log(secret, { secret });
        }),
    ],
    [
      'pino',
      () =>
        written((stream) => {
          pino({ level: 'trace' }, stream).trace({ secret, deep: { secret } }, 'x');
        }),
    ],
    [
      'the cause of an error',
      () => inspect(new Error('failed', { cause: { secret } }), { depth: null }),
    ],
    ['a URL', () => new URL(`http://localhost/?key=${secret as unknown as string}`).href],
    [
      'a header',
      () =>
        String(new Headers({ authorization: secret as unknown as string }).get('authorization')),
    ],
  ])('shows [redacted] in %s', (_name, print) => {
    const text = print();
    expect(text).not.toContain(CANARY);
    expect(text).not.toContain(CANARY.slice(3, 12));
    expect(text).toContain('[redacted]');
  });

  it('has no property to find the value by: spread, keys, clone', () => {
    const copies = [
      { ...(secret as object) },
      Object.assign({}, secret),
      structuredClone(secret),
      Object.fromEntries(Object.entries(secret)),
      Object.getOwnPropertyDescriptors(secret),
    ];
    for (const copy of copies) {
      expect(inspect(copy, { depth: null, showHidden: true })).not.toContain(CANARY);
      expect(JSON.stringify(copy)).not.toContain(CANARY);
    }
    expect(Reflect.ownKeys(secret)).toEqual([]);
  });

  it('is no number', () => {
    expect(Number(secret)).toBeNaN();
  });
});
