import * as fc from 'fast-check';
import { problemOf } from '../support/problem-of';
import { MODELS, TestBench } from '../support/test-bench';

/** The same inputs at each run; a failure prints the smallest one that it found. */
const SEED = 20_260_131;

/** Any text at all: NUL, control characters, halves of surrogate pairs. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.constantFrom('', '\0', '\ud800', '__proto__', 'constructor', 'x'.repeat(300), '%', '\\u0000'),
);
const value = fc.oneof(
  fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' }),
  text,
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(null, -0, 1e308, -1, 0, 1, 2 ** 53, [], {}),
);
/** Mostly what the field wants, so that many inputs come through to the provider and the ledger. */
const mostly = (good: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 30, arbitrary: good }, { weight: 1, arbitrary: value });

const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
const content = fc.oneof(
  text,
  fc.array(fc.record({ type: fc.constant('text'), text }), { minLength: 1, maxLength: 2 }),
);
const message = fc.oneof(
  fc.record({ role: fc.constantFrom('system', 'user', 'assistant'), content: mostly(content) }),
  fc.record({ role: fc.constant('tool'), content, toolCallId: mostly(name) }),
  fc.record({
    role: fc.constant('assistant'),
    content,
    toolCalls: fc.array(fc.record({ id: name, name, arguments: fc.oneof(fc.json(), text) }), {
      maxLength: 2,
    }),
  }),
);
const tool = fc.record(
  {
    name: mostly(fc.constant('search')),
    description: text,
    parameters: fc.dictionary(text, value, { maxKeys: 3 }),
  },
  { requiredKeys: ['name', 'parameters'] },
);

const target = fc.constantFrom(
  { provider: 'echo', model: 'echo' },
  { provider: 'echo', model: 'tool' },
  { provider: 'openai', model: MODELS.openai },
  { provider: 'anthropic', model: MODELS.anthropic },
);

const execution = fc
  .tuple(
    target,
    fc.record(
      {
        agentId: mostly(name),
        messages: fc.array(mostly(message), { minLength: 1, maxLength: 4 }),
        system: mostly(text),
        maxTokens: mostly(fc.integer({ min: 1, max: 10_000_000 })),
        temperature: mostly(fc.double({ min: 0, max: 2, noNaN: true })),
        tools: mostly(fc.array(tool, { minLength: 1, maxLength: 3 })),
        toolChoice: mostly(fc.constantFrom('auto', 'none', 'required', { name: 'search' })),
        responseFormat: mostly(
          fc.oneof(
            fc.constant({ type: 'json_object' }),
            fc.record({
              type: fc.constant('json_schema'),
              name: fc.constant('answer'),
              schema: fc.dictionary(text, value, { maxKeys: 3 }),
            }),
          ),
        ),
        metadata: mostly(
          fc.dictionary(fc.oneof(name, text), fc.oneof(name, value), { maxKeys: 3 }),
        ),
        timeoutMs: mostly(fc.integer({ min: 1_000, max: 3_600_000 })),
      },
      { requiredKeys: ['agentId', 'messages'] },
    ),
    fc.oneof(
      { weight: 9, arbitrary: fc.constant({}) },
      { weight: 1, arbitrary: fc.dictionary(text, value) },
    ),
  )
  .map(([where, fields, more]) => ({ ...where, ...fields, ...more }));

const apiKey = fc
  .tuple(
    fc.record(
      {
        provider: mostly(fc.constantFrom('openai', 'anthropic', 'echo')),
        apiKey: mostly(fc.constantFrom('sk-test-fuzz-000000000000', 'sk-ant-test-fuzz-0000000')),
        label: mostly(name),
        baseUrl: mostly(fc.oneof(fc.webUrl(), fc.constant('https://api.example.com/v1'), text)),
        priority: mostly(fc.integer({ min: 0, max: 1_000 })),
      },
      { requiredKeys: ['provider', 'apiKey'] },
    ),
    fc.oneof(
      { weight: 9, arbitrary: fc.constant({}) },
      { weight: 1, arbitrary: fc.dictionary(text, value) },
    ),
  )
  .map(([fields, more]) => ({ ...fields, ...more }));

// Hundreds of requests to a test; a busy machine takes its time.
jest.setTimeout(60_000);

describe('any input', () => {
  let bench: TestBench;

  beforeAll(async () => {
    bench = await TestBench.start();
    await bench.saveKey('openai');
    await bench.saveKey('anthropic');
  });

  afterAll(async () => {
    await bench.close();
  });

  const post = (path: string, body: unknown) =>
    bench.app
      .request('post', bench.app.path(path))
      .type('application/json')
      .serialize((raw: unknown) => JSON.stringify(raw))
      .send(body as object);

  async function answersSensibly(path: string, body: unknown, statuses: number[]): Promise<number> {
    const answer = await post(path, body);
    if (answer.status >= 400) problemOf(answer);
    expect(statuses).toContain(answer.status);
    return answer.status;
  }

  it('runs an execution, or is refused with a reason, and what ran reads back the same', async () => {
    const seen = new Map<number, number>();
    await fc.assert(
      fc.asyncProperty(execution, async (body) => {
        const answer = await post('executions', body);
        seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
        if (answer.status !== 201) {
          problemOf(answer);
          expect([400, 422]).toContain(answer.status);
          return;
        }
        expect(await bench.read(answer.body.id as string)).toEqual(answer.body);
      }),
      { seed: SEED, numRuns: 150 },
    );
    // The inputs reach both ends; otherwise this test would prove nothing.
    expect(seen.get(201)).toBeGreaterThan(20);
    expect(seen.get(400)).toBeGreaterThan(20);
  });

  it('is estimated, or refused with a reason', async () => {
    await fc.assert(
      fc.asyncProperty(execution, async (body) => {
        await answersSensibly('executions/estimate', body, [200, 400, 422]);
      }),
      { seed: SEED + 1, numRuns: 80 },
    );
  });

  it('saves a key, or is refused with a reason', async () => {
    const seen = new Set<number>();
    await fc.assert(
      fc.asyncProperty(apiKey, async (body) => {
        seen.add(await answersSensibly('api-keys', body, [201, 400, 422]));
      }),
      { seed: SEED + 2, numRuns: 150 },
    );
    expect([...seen].sort()).toEqual([201, 400, 422]);
  });

  it('names a workspace or a token, or is refused with a reason', async () => {
    await fc.assert(
      fc.asyncProperty(text, value, async (name, other) => {
        for (const body of [{ name }, { name: other }, other]) {
          const answer = await bench.app
            .request('post', '/api/workspaces')
            .type('application/json')
            .serialize((raw: unknown) => JSON.stringify(raw))
            .send(body as object);
          expect([201, 400]).toContain(answer.status);
          await answersSensibly('tokens', { name: other, role: 'viewer', expiresAt: name }, [400]);
        }
      }),
      { seed: SEED + 3, numRuns: 40 },
    );
  });

  it('filters a list, or is refused with a reason', async () => {
    const fields = ['agentId', 'status', 'provider', 'model', 'apiKeyId', 'from', 'to', 'after'];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...fields, 'limit'), text, async (field, filter) => {
        const query = new URLSearchParams([[field, filter]]).toString();
        const answer = await bench.app.request('get', `${bench.app.path('executions')}?${query}`);
        if (answer.status >= 400) problemOf(answer);
        expect([200, 400]).toContain(answer.status);
      }),
      { seed: SEED + 4, numRuns: 100 },
    );
  });
});
