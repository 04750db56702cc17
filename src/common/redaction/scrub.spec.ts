import { createHash, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { v7 as uuidv7 } from 'uuid';
import { Secret } from '../secret/secret';
import { scrub, scrubJson } from './scrub';

const PROJECT_ROOT = join(__dirname, '..', '..', '..');
/** The same inputs at each run. */
const SEED = 20_261_124;
/** As a provider key may be: what the intake takes, awkward characters included; a digit is in it. */
const key = fc
  .tuple(
    fc.string({
      unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
      minLength: 8,
      maxLength: 60,
    }),
    fc.constantFrom('4x7', 'q9Z', '8"k', '\\n5w', '7%20a'),
  )
  .map(([text, ending]) => text + ending);
const around = fc.string({ unit: 'binary', maxLength: 40 });

const inBase64 = (text: string) => Buffer.from(text).toString('base64');
const ENCODINGS: Readonly<Record<string, (text: string) => string>> = {
  plain: (text) => text,
  JSON: (text) => JSON.stringify({ text }),
  'JSON in JSON': (text) => JSON.stringify({ body: JSON.stringify({ text }) }),
  URL: (text) => `https://host/?q=${encodeURIComponent(text)}`,
  form: (text) => new URLSearchParams({ text }).toString(),
  hexadecimal: (text) => Buffer.from(text).toString('hex'),
  'base64 of user and key': (text) => `Basic ${inBase64(`u:${text}`)}`,
  base64url: (text) => Buffer.from(`ab${text}!`).toString('base64url'),
};

describe('the scrubber, for values that the process has seen', () => {
  it.each(Object.entries(ENCODINGS))('removes them wherever they stand: %s', (_name, encode) => {
    fc.assert(
      fc.property(key, around, around, (value, before, after) => {
        new Secret(value);
        const form = encode(value);
        const clean = scrub(before + form + after);
        expect(clean).not.toContain(value);
        expect(clean).not.toContain(form);
        expect(clean).toContain('[scrubbed]');
      }),
      { seed: SEED },
    );
  });

  it('leaves JSON valid, with no secret in any name or value', () => {
    fc.assert(
      fc.property(key, fc.jsonValue({ maxDepth: 3 }), around, (value, other, text) => {
        new Secret(value);
        const line = {
          [`${text}${value}`]: other,
          deep: [{ text: `${text}${value}${text}` }, value],
        };
        const clean = JSON.parse(scrubJson(JSON.stringify(line))) as unknown;
        expect(JSON.stringify(clean)).not.toContain(JSON.stringify(value).slice(1, -1));
      }),
      { seed: SEED },
    );
  });

  it('leaves JSON valid whatever a tenant saves as a key', () => {
    const line = { rank: 30, clock: 1555000000000, text: 'a\nb12 x\u0001y\ny\\1234567\n89 \\\\t1' };
    const json = JSON.stringify(line);
    fc.assert(
      fc.property(
        fc
          .nat(json.length - 8)
          .chain((from) =>
            fc.integer({ min: from + 8, max: json.length }).map((to) => json.slice(from, to)),
          ),
        (value) => {
          new Secret(value);
          expect(() => JSON.parse(scrubJson(json)) as unknown).not.toThrow();
        },
      ),
      { seed: SEED, numRuns: 500 },
    );
  });

  it('removes one that is part of another, and two that overlap, whole', () => {
    new Secret('overlap-11-aaaa');
    new Secret('overlap-11-aaaa-22-bbbb');
    new Secret('aaaa-22-bbbb-33-cccc');
    expect(scrub('(overlap-11-aaaa-22-bbbb)')).toBe('([scrubbed])');
    expect(scrub('(overlap-11-aaaa-22-bbbb-33-cccc)')).toBe('([scrubbed])');
    expect(scrub('overlap-11-aaaa overlap-11-aaaa')).toBe('[scrubbed] [scrubbed]');
  });

  it('knows the password of a connection string also alone', () => {
    new Secret('postgres://keyrun:pa%2Fss-of-4711@db.internal:5432/keyrun');
    expect(scrub('password authentication failed: pa/ss-of-4711')).toBe(
      'password authentication failed: [scrubbed]',
    );
    new Secret('postgres://postgres1:postgres1@db.internal/postgres1');
    expect(scrub('role postgres1')).toBe('role postgres1');
  });
});

/** Obviously fake; each has the shape that the vendor publishes. */
const SHAPES = [
  'sk-proj-0123456789abcdefghijABCDEFGHIJ',
  'sk-ant-api03-0123456789-abcdefghij_ABCDEFGHIJ',
  'sk-or-v1-0123456789abcdef0123456789abcdef',
  'sk-proj-ab****************************wxyz',
  'AIzaSyFAKE0123456789abcdefghijklmnopqr',
  'gsk_FAKE0123456789abcdefghijklmnop',
  'xai-FAKE0123456789abcdefghijklmnop',
  'hf_FAKE0123456789abcdefghij',
  'r8_FAKE0123456789abcdefghij',
  'kr_pat_0123456789abcdefghijABCDEFGHIJ012345',
  'kr_ses_0123456789abcdefghij-ABCDEFGHIJ_0123456789abc',
  'AKIAFAKEFAKEFAKE2345',
  'ASIAFAKEFAKEFAKE2345',
  'hvs.FAKE0123456789abcdefghij',
  'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.FAKE-signature_0',
];

describe('the scrubber, for what looks like a secret', () => {
  it.each(SHAPES)('removes %s', (secret) => {
    const places = [
      (text: string) => text,
      (text: string) => `key ${text}, refused`,
      (text: string) => JSON.stringify({ text: `line\n${text}\u001b[0m` }),
      (text: string) => JSON.stringify({ text: `\u001b[31m${text}` }),
      (text: string) => `?q=a%20${text}`,
      (text: string) => `{"x-api-key":"${text}"}`,
    ];
    for (const place of places) {
      const clean = scrubJson(place(secret));
      expect(clean).not.toContain(secret.slice(-8));
      expect(clean).toContain('[scrubbed]');
    }
  });

  it.each([
    ['authorization: Bearer abc123def456', 'authorization: Bearer [scrubbed]'],
    [
      '{"authorization":"bearer abcdefghijklmnopqrstuvwxyz"}',
      '{"authorization":"bearer [scrubbed]"}',
    ],
    ['Basic dXNlcjpwYXNz0Q==', 'Basic [scrubbed]'],
    ['postgres://keyrun:hunter2@db/keyrun failed', 'postgres://keyrun:[scrubbed]@db/keyrun failed'],
    ['GET /v1beta/models?key=abcdefgh&alt=sse', 'GET /v1beta/models?key=[scrubbed]&alt=sse'],
    ['"x-goog-api-key": "abcdefgh"', '"x-goog-api-key": "[scrubbed]"'],
    ["'x-api-key': 'abcdefgh'", "'x-api-key': '[scrubbed]'"],
  ])('removes what stands behind a telling name: %s', (text, clean) => {
    expect(scrub(text)).toBe(clean);
  });
});

describe('the scrubber, for everything else', () => {
  const unchanged = (text: string) => {
    expect(scrub(text)).toBe(text);
    expect(scrubJson(text)).toBe(text);
  };

  it('leaves ids, digests, times and numbers alone', () => {
    for (const text of [
      uuidv7(),
      randomUUID(),
      `task-${uuidv7()} disk-${uuidv7()} "risk-${uuidv7()}"`,
      createHash('sha256').update('x').digest('hex'),
      createHash('sha256').update('x').digest('base64'),
      new Date().toISOString(),
      'http://127.0.0.1:3000/api/workspaces/x?limit=10&after=y',
      'http://[::1]:3000/docs',
      '    at Socket.<anonymous> (node:internal/streams:12:34)',
      '    at file:///app/dist/src/main.js:12:34',
      'Basic authentication, Bearer authorization, a bearer token; Bearer realm="keyrun"',
    ]) {
      unchanged(text);
    }
  });

  it('leaves alone what a tenant saves as a key although it is an id, a time, a number or a word', () => {
    const id = uuidv7();
    for (const value of [
      id,
      '17640000',
      '2026-11-24T',
      'requestId',
      'workspaces',
      '/api/api-keys/',
    ]) {
      new Secret(value);
      unchanged(
        `{"time":1764000000000,"requestId":"${id}","at":"2026-11-24T00:00:00Z","path":"/api/workspaces/1/api-keys/"}`,
      );
    }
  });

  it('leaves every line of the documentation and of the settings alone', () => {
    const documents = readdirSync(join(PROJECT_ROOT, 'docs'), { recursive: true }).map((name) =>
      join('docs', String(name)),
    );
    for (const path of [
      ...documents.filter((name) => name.endsWith('.md')),
      'README.md',
      '.env.example',
    ]) {
      const lines = readFileSync(join(PROJECT_ROOT, path), 'utf8').split('\n');
      const changed = lines.filter((line) => scrub(line) !== line);
      // The one connection string that is written out, as an example.
      expect(changed.filter((line) => !line.includes('user:password@'))).toEqual([]);
    }
  });
});
