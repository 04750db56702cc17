import { PLACEHOLDER_KEY } from '../../src/ai-providers';
import { rowCounts, tablesWith } from '../support/database-contents';
import { expectProblem, faultyFields } from '../support/problem-of';
import { TestBench } from '../support/test-bench';

const KEY = 'sk-test-key-of-a-bad-request-zyxw';

/** A pasted key, and what the answer must say of it. */
const BAD_KEYS: readonly (readonly [name: string, value: unknown, says: RegExp])[] = [
  ['a line break at the end', `${KEY}\n`, /line break/],
  ['a line break inside', 'sk-test-\r\nhalf', /line break/],
  ['a NUL', `${KEY}\0`, /NUL/],
  ['an umlaut', 'sk-test-schlüssel-1234', /character that no key has \(position 13\)/],
  ['a zero-width space', `${KEY}\u200b`, /character that no key has/],
  ['a non-breaking space', `${KEY}\u00a0`, /space/],
  ['a space inside', 'sk-test with a space', /space \(position 8\)/],
  ['a tab at the start', `\t${KEY}`, /space/],
  ['the word Bearer', `Bearer ${KEY}`, /Bearer/],
  ['the word bearer', `bearer ${KEY}`, /Bearer/],
  ['quotation marks', `"${KEY}"`, /quotation marks/],
  ['more than 512 characters', `sk-test-${'x'.repeat(505)}`, /too long: at most 512/],
  ['fewer than 8 characters', 'sk-test', /too short: at least 8/],
  [
    'an access token of Keyrun',
    'kr_pat_test0000000000000000000000000000000',
    /access token of Keyrun/,
  ],
  ['the secret of a webhook', 'whsec_dGVzdC1vbmx5LTAwMDAwMDAw', /secret of a webhook/],
  ['a line of a file of settings', `OPENAI_API_KEY=${KEY}`, /name of a variable/],
  ['what SDK clients are given in place of a key', PLACEHOLDER_KEY, /is no key/],
  ['nothing', '', /empty/],
  ['only spaces', '          ', /empty/],
  ['a control character', `${KEY}\x07`, /character that no key has/],
  ['half of a surrogate pair', `${KEY}\ud800`, /character that no key has/],
  ['a number', 12_345_678, /must be a string/],
  ['null', null, /must be a string/],
  ['a list', [KEY], /must be a string/],
  ['an object', { toString: KEY }, /must be a string/],
];

const BAD_BASE_URLS = [
  ['private, class A', 'https://10.0.0.1/v1'],
  ['private, class B', 'https://172.16.5.4/v1'],
  ['private, class C', 'https://192.168.1.1/v1'],
  ['private, IPv6', 'https://[fd00::1]/v1'],
  ['link-local', 'https://169.254.1.1/v1'],
  ['link-local, IPv6', 'https://[fe80::1]/v1'],
  ['the metadata service', 'http://169.254.169.254/latest/meta-data'],
  ['the metadata service by https', 'https://169.254.169.254/v1'],
  ['the metadata service by name', 'https://metadata.google.internal/v1'],
  ['the metadata service mapped into IPv6', 'https://[::ffff:169.254.169.254]/v1'],
  ['loopback', 'https://127.0.0.1/v1'],
  ['loopback in decimal', 'https://2130706433/v1'],
  ['loopback in octal', 'https://0177.0.0.1/v1'],
  ['loopback in hex', 'https://0x7f.1/v1'],
  ['loopback, IPv6', 'https://[::1]/v1'],
  ['this host', 'https://0.0.0.0/v1'],
  ['localhost', 'https://localhost/v1'],
  ['below localhost', 'https://api.localhost/v1'],
  ['a carrier', 'https://100.64.0.1/v1'],
  ['a public address', 'https://8.8.8.8/v1'],
  ['a file', 'file:///etc/passwd'],
  ['gopher', 'gopher://example.com/v1'],
  ['javascript', 'javascript:alert(1)'],
  ['data', 'data:text/plain,x'],
  ['http', 'http://api.example.com/v1'],
  ['credentials', 'https://user:secret-zyxw@api.example.com/v1'],
  ['a user name', 'https://user@api.example.com/v1'],
  ['a fragment', 'https://api.example.com/v1#here'],
  ['a query', 'https://api.example.com/v1?key=x'],
  ['another port', 'https://api.example.com:8443/v1'],
  ['no URL', 'api.example.com/v1'],
  ['a name without a domain', 'https://intranet/v1'],
  ['a space', 'https://api.example.com /v1'],
  ['a line break', 'https://api.example.com/\nv1'],
  ['a NUL', 'https://api.example.com/\0v1'],
  ['a backslash', 'https:\\\\127.0.0.1\\v1'],
] as const;

/** Fields of the two routes that take a key, apart from the key and the base URL. */
const BAD_FIELDS: readonly (readonly [string, unknown])[] = [
  ['provider', undefined],
  ['provider', ''],
  ['provider', 7],
  ['provider', 'nobody'],
  ['provider', 'open\0ai'],
  ['provider', '__proto__'],
  ['label', ''],
  ['label', null],
  ['label', 7],
  ['label', 'x'.repeat(101)],
  ['label', 'a\0b'],
  ['label', 'a\nb'],
  ['label', '\udc00'],
  ['priority', -1],
  ['priority', 1001],
  ['priority', 1.5],
  ['priority', '1'],
  ['priority', null],
  ['baseUrl', ''],
  ['baseUrl', 7],
  ['baseUrl', ['https://api.example.com/v1']],
  ['baseUrl', `https://api.example.com/${'x'.repeat(2048)}`],
  ['enabled', true],
  ['encryptedKey', 's1:x'],
  ['workspaceId', 'x'],
  ['id', 'x'],
];

describe('an API key with bad input', () => {
  let bench: TestBench;
  let savedId: string;
  let before: Record<string, number>;

  beforeAll(async () => {
    bench = await TestBench.start();
    savedId = await bench.saveKey('openai');
    before = await rowCounts(bench.app.database.dataSource);
  });

  afterEach(async () => {
    expect(await rowCounts(bench.app.database.dataSource)).toEqual(before);
    expect(await tablesWith(bench.app.database.dataSource, 'zyxw')).toEqual([]);
    expect(bench.upstream.requests).toEqual([]);
  });

  afterAll(async () => {
    await bench.close();
  });

  const send = (method: 'post' | 'put' | 'patch', rest: string, body: object) =>
    bench.app.request(method, bench.app.path(rest)).send(body);

  it.each(BAD_KEYS)(
    'is refused with %s, in words that do not repeat it',
    async (_name, apiKey, says) => {
      const answers = [
        await send('post', 'api-keys', { provider: 'openai', apiKey }),
        await send('post', 'api-keys/test', { provider: 'openai', apiKey }),
        await send('put', `api-keys/${savedId}/secret`, { apiKey }),
      ];
      for (const answer of answers) {
        expect(faultyFields(answer)).toEqual(['/apiKey']);
        expect(answer.body.errors[0].message).toMatch(says);
        expect(answer.text).not.toContain('zyxw');
      }
    },
  );

  it.each(BAD_BASE_URLS)('may not lead to %s', async (_name, baseUrl) => {
    const answers = [
      await send('post', 'api-keys', { provider: 'openai', apiKey: KEY, baseUrl }),
      await send('post', 'api-keys/test', { provider: 'openai', apiKey: KEY, baseUrl }),
      await send('put', `api-keys/${savedId}/secret`, { apiKey: KEY, baseUrl }),
    ];
    for (const answer of answers) {
      const problem = expectProblem(answer, 'blocked_destination');
      expect(problem.errors).toEqual([{ pointer: '/baseUrl', message: problem.detail }]);
      expect(answer.text).not.toContain('zyxw');
    }
    expect((await bench.readKey(savedId)).baseUrl).toBe(bench.upstream.openAiBaseUrl);
  });

  it.each(BAD_FIELDS)('names the field %s: %j', async (field, value) => {
    const body = { provider: 'openai', apiKey: KEY, [field]: value };
    expect(faultyFields(await send('post', 'api-keys', body))).toEqual([`/${field}`]);
  });

  it.each(['label', 'priority'])('names the field %s in a change', async (field) => {
    for (const [, value] of BAD_FIELDS.filter(([name]) => name === field)) {
      const answer = await send('patch', `api-keys/${savedId}`, { [field]: value });
      expect(faultyFields(answer)).toEqual([`/${field}`]);
    }
  });

  it.each(['enabled', 'provider', 'baseUrl', 'apiKey', 'status', 'last4', 'id'])(
    'does not change by PATCH with the field %s',
    async (field) => {
      const answer = await send('patch', `api-keys/${savedId}`, { [field]: 'x' });
      expect(faultyFields(answer)).toEqual([`/${field}`]);
    },
  );

  it('names the known providers when it names an unknown one', async () => {
    for (const path of ['api-keys', 'api-keys/test']) {
      const answer = await send('post', path, { provider: 'nobody', apiKey: KEY });
      expect(expectProblem(answer, 'validation_failed').detail).toMatch(/openai, anthropic, echo/);
    }
  });

  it('cannot be saved for a provider without keys', async () => {
    const answer = await send('post', 'api-keys', { provider: 'echo', apiKey: KEY });
    expectProblem(answer, 'unprocessable');
  });

  it.each([
    [{}],
    [{ provider: 'openai' }],
    [{ apiKey: KEY }],
    [{ keyId: '0190d8f0-0000-7000-8000-000000000000', provider: 'openai' }],
    [{ keyId: '0190d8f0-0000-7000-8000-000000000000', apiKey: KEY }],
    [{ keyId: '0190d8f0-0000-7000-8000-000000000000', baseUrl: 'https://api.example.com/v1' }],
    [{ keyId: 'not-a-uuid' }],
    [{ keyId: null }],
  ])('is not tested when it is unclear which is meant: %j', async (body) => {
    expect(faultyFields(await send('post', 'api-keys/test', body))).toEqual(['/keyId']);
  });

  it.each(['', '?provider=', '?provider=a%00b', '?provider=a&provider=b', '?Provider=openai'])(
    'is not deleted by the query "%s"',
    async (query) => {
      const path = bench.app.path(`api-keys${query}`);
      expect(faultyFields(await bench.app.request('delete', path))).toContain(
        query.startsWith('?P') ? '?Provider' : '?provider',
      );
    },
  );
});
