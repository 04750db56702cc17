import { rowCounts } from '../support/database-contents';
import { expectProblem, faultyFields } from '../support/problem-of';
import { TestBench } from '../support/test-bench';

const ECHO = {
  agentId: 'test-agent',
  provider: 'echo',
  model: 'echo',
  messages: [{ role: 'user', content: 'Hello' }],
};

const user = (content: unknown) => [{ role: 'user', content }];
const assistantCalling = (text: string) => ({
  role: 'assistant',
  content: '',
  toolCalls: [{ id: 'call_1', name: 'search', arguments: text }],
});
const tool = (fields: object) => [{ name: 'search', parameters: {}, ...fields }];
const nested = (depth: number, inside: unknown = {}): unknown => {
  let value = inside;
  for (let level = 0; level < depth; level += 1) value = { deeper: value };
  return value;
};

/** The field, a bad value of it, and the pointer to the fault. */
const BAD_FIELDS: readonly (readonly [string, unknown])[] = [
  ['agentId', undefined],
  ['agentId', null],
  ['agentId', ''],
  ['agentId', 7],
  ['agentId', ['a']],
  ['agentId', 'x'.repeat(201)],
  ['agentId', 'a\0b'],
  ['agentId', 'a\nb'],
  ['agentId', 'lone \ud800 surrogate'],
  ['provider', undefined],
  ['provider', ''],
  ['provider', 'x'.repeat(65)],
  ['provider', 'nobody'],
  ['provider', 'ECHO'],
  ['provider', 'ec\0ho'],
  ['provider', '__proto__'],
  ['provider', 'constructor'],
  ['provider', { $ne: null }],
  ['model', undefined],
  ['model', ''],
  ['model', 'ec\0ho'],
  ['model', 'x'.repeat(201)],
  ['model', 'echo\u2028\udc00'],
  ['messages', undefined],
  ['messages', null],
  ['messages', []],
  ['messages', 'Hello'],
  ['messages', { 0: { role: 'user', content: 'x' }, length: 1 }],
  ['messages', Array.from({ length: 1001 }, () => ({ role: 'user', content: 'x' }))],
  ['messages', ['Hello']],
  ['messages', [null]],
  ['messages', [[]]],
  ['messages', [{ role: 'robot', content: 'x' }]],
  ['messages', [{ role: 'User', content: 'x' }]],
  ['messages', [{ content: 'x' }]],
  ['messages', [{ role: 'user' }]],
  ['messages', [{ role: 'user', content: 'x', name: 'Bob' }]],
  ['messages', user(7)],
  ['messages', user(null)],
  ['messages', user([])],
  ['messages', user([{ type: 'text' }])],
  ['messages', user([{ type: 'video', url: 'https://example.com/a.mp4' }])],
  ['messages', user([{ type: 'image', url: 'file:///etc/passwd' }])],
  ['messages', user([{ type: 'image', url: 'http://example.com/a.png' }])],
  ['messages', [{ role: 'tool', content: 'x' }]],
  ['messages', [{ role: 'user', content: 'x', toolCalls: [] }]],
  ['messages', [{ role: 'assistant', content: '', toolCalls: [{ id: 'a', name: 'b' }] }]],
  ['messages', [assistantCalling(`${'['.repeat(101)}${']'.repeat(101)}`)]],
  ['messages', [assistantCalling(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)]],
  ['system', null],
  ['system', 7],
  ['system', ['x']],
  ['maxTokens', -1],
  ['maxTokens', 0],
  ['maxTokens', 1.5],
  ['maxTokens', 1e12],
  ['maxTokens', '5'],
  ['maxTokens', null],
  ['maxTokens', true],
  ['temperature', -1],
  ['temperature', 3],
  ['temperature', 'hot'],
  ['temperature', null],
  ['temperature', [1]],
  ['timeoutMs', 999],
  ['timeoutMs', 3_600_001],
  ['timeoutMs', 1000.5],
  ['timeoutMs', '5000'],
  ['stream', 'yes'],
  ['apiKeyId', 'not-a-uuid'],
  ['apiKeyId', ''],
  ['apiKeyId', 7],
  // Of echo, which takes none.
  ['apiKeyId', '0190d8f0-0000-7000-8000-000000000000'],
  ['tools', []],
  ['tools', {}],
  ['tools', [{}]],
  ['tools', tool({ name: 'a b' })],
  ['tools', tool({ parameters: 'x' })],
  ['tools', tool({ run: 'rm' })],
  ['tools', Array.from({ length: 129 }, () => tool({})[0])],
  ['tools', tool({ parameters: nested(500) })],
  ['toolChoice', 'maybe'],
  ['toolChoice', { name: '' }],
  ['responseFormat', 'json'],
  ['responseFormat', { type: 'xml' }],
  ['responseFormat', { type: 'json_schema', name: 'x' }],
  ['metadata', 'x'],
  ['metadata', null],
  ['metadata', ['x']],
  ['metadata', { big: 'x'.repeat(4096) }],
  ['metadata', { nul: 'a\0b' }],
  ['metadata', { 'nul \0 in the name': 1 }],
  ['metadata', { lone: '\ud800' }],
  ['metadata', { 'lone \udc00 in the name': 1 }],
  ['metadata', nested(400)],
  ['fallbacks', [{ provider: 'echo', model: 'echo' }]],
  ['Model', 'echo'],
  ['max_tokens', 5],
  ['workspaceId', 'x'],
];

describe('an execution with bad input', () => {
  let bench: TestBench;
  let before: Record<string, number>;

  beforeAll(async () => {
    bench = await TestBench.start();
  });

  beforeEach(async () => {
    before = await rowCounts(bench.app.database.dataSource);
  });

  afterEach(async () => {
    expect(await rowCounts(bench.app.database.dataSource)).toEqual(before);
    expect(bench.upstream.requests).toEqual([]);
  });

  afterAll(async () => {
    await bench.close();
  });

  /** As text, so that keys such as `__proto__` arrive as they are. */
  const post = (text: string, path = bench.app.path('executions')) =>
    bench.app
      .request('post', path)
      .type('application/json')
      .serialize((body: unknown) => body as string)
      .send(text);

  it.each(
    BAD_FIELDS.map(([field, value]) => {
      const text = JSON.stringify(value) as string | undefined;
      return [field, (text ?? 'absent').slice(0, 60), value] as const;
    }),
  )('names the field %s: %s', async (field, _shown, value) => {
    const answer = await post(JSON.stringify({ ...ECHO, [field]: value }));
    expect(faultyFields(answer)).toEqual([`/${field}`]);
  });

  it.each(BAD_FIELDS.filter(([field]) => !['agentId', 'timeoutMs', 'metadata'].includes(field)))(
    'and in an estimate the field %s',
    async (field, value) => {
      const body = JSON.stringify({ ...ECHO, [field]: value });
      const answer = await post(body, bench.app.path('executions/estimate'));
      expect(faultyFields(answer)).toEqual([`/${field}`]);
    },
  );

  it('names every bad field at once', async () => {
    const answer = await post(JSON.stringify({ ...ECHO, messages: [], maxTokens: 0, colour: 1 }));
    expect(faultyFields(answer).sort()).toEqual(['/colour', '/maxTokens', '/messages']);
  });

  it('names the known providers when it names an unknown one', async () => {
    const answer = await post(JSON.stringify({ ...ECHO, provider: 'nobody' }));
    expect(expectProblem(answer, 'validation_failed').detail).toMatch(/openai, anthropic, echo/);
  });

  it('escapes the name of an unknown field in its pointer, and cuts it', async () => {
    const answer = await post(
      JSON.stringify({ ...ECHO, 'a/b~c': 1, [`long${'x'.repeat(500)}`]: 1 }),
    );
    expect(faultyFields(answer)).toEqual(['/a~1b~0c', `/long${'x'.repeat(60)}`]);
  });

  it.each(['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'])(
    'refuses the field %s',
    async (name) => {
      for (const value of ['{"isAdmin":true}', '"x"', '1', 'null', '[]']) {
        const answer = await post(`{${JSON.stringify(ECHO).slice(1, -1)},"${name}":${value}}`);
        expect(faultyFields(answer)).toEqual([`/${name}`]);
      }
      expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
    },
  );

  it.each([
    ['system', { ...ECHO, system: 'x\0y' }],
    ['a message', { ...ECHO, messages: user('x\0y') }],
    ['a part', { ...ECHO, messages: user([{ type: 'text', text: 'x\0y' }]) }],
  ])('may say NUL in %s, which is no field of the ledger', async (_name, body) => {
    const answer = await post(
      JSON.stringify({ ...body, agentId: 'nul' }),
      bench.app.path('executions/estimate'),
    );
    expect(answer.status).toBe(200);
  });

  it('is not lost in brackets that nobody closes or that go too deep', async () => {
    for (const depth of [1_000, 100_000]) {
      const open = '['.repeat(depth);
      expectProblem(await post(open), 'malformed_json');
      const closed = `${open}${']'.repeat(depth)}`;
      for (const field of ['messages', 'metadata', 'tools', 'system', 'colour', 'toolChoice']) {
        const rest = JSON.stringify({ ...ECHO, [field]: 0 }).replace(
          `"${field}":0`,
          `"${field}":${closed}`,
        );
        expect(faultyFields(await post(rest))).toEqual([`/${field}`]);
      }
    }
  });

  it.each([
    ['an empty Idempotency-Key', ''],
    ['a space in the Idempotency-Key', 'two words'],
    ['an Idempotency-Key of 256 characters', 'k'.repeat(256)],
    ['an Idempotency-Key beyond ASCII', 'sch\u00fcssel'],
  ])('is not sent with %s', async (_name, key) => {
    const answer = await post(JSON.stringify(ECHO)).set('Idempotency-Key', key);
    expect(faultyFields(answer)).toEqual(['header:Idempotency-Key']);
  });

  it('is not sent when it asks for a stream that nobody reads', async () => {
    const body = JSON.stringify({ ...ECHO, stream: true });
    expectProblem(await post(body).set('Prefer', 'respond-async'), 'unprocessable');
  });
});
