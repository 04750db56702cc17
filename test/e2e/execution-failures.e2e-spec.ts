import { tablesWith } from '../support/database-contents';
import type { Behaviour } from '../support/faulty-upstream';
import { expectProblem } from '../support/problem-of';
import { MODELS, TestBench, type VendorId } from '../support/test-bench';
import type { ErrorCode } from '../../src/common';

interface Case {
  readonly name: string;
  readonly provider: VendorId;
  /** What each attempt meets; also the number of attempts there must be. */
  readonly behaviours: readonly Behaviour[];
  readonly code: ErrorCode;
  readonly status: number;
  readonly billed: 'no' | 'yes' | 'unknown';
  readonly retryable: boolean;
  readonly fields?: object;
}

const times = (count: number, behaviour: Behaviour): Behaviour[] =>
  Array.from({ length: count }, () => behaviour);

const refused = (
  name: string,
  provider: VendorId,
  behaviour: Behaviour,
  [status, code]: [number, ErrorCode],
): Case => ({
  name,
  provider,
  behaviours: [behaviour],
  code,
  status,
  billed: 'no',
  retryable: false,
});

const REFUSED: readonly Case[] = [
  refused('401', 'openai', { status: 401, code: 'invalid_api_key' }, [424, 'credential_invalid']),
  refused('401', 'anthropic', { status: 401 }, [424, 'credential_invalid']),
  refused('401 without a code', 'openai', { status: 401 }, [424, 'credential_invalid']),
  refused('403', 'openai', { status: 403 }, [424, 'permission_denied']),
  refused('403', 'anthropic', { status: 403 }, [424, 'permission_denied']),
  refused('404', 'openai', { status: 404, code: 'model_not_found' }, [424, 'model_not_found']),
  refused('404', 'anthropic', { status: 404 }, [424, 'model_not_found']),
  refused('402', 'anthropic', { status: 402 }, [424, 'billing_error']),
  refused('413', 'anthropic', { status: 413 }, [413, 'request_too_large']),
  refused('400', 'openai', { status: 400 }, [422, 'invalid_request']),
  refused('400', 'anthropic', { status: 400 }, [422, 'invalid_request']),
  refused('context length', 'openai', { status: 400, code: 'context_length_exceeded' }, [
    422,
    'context_length_exceeded',
  ]),
  refused(
    'context length',
    'anthropic',
    { status: 400, message: 'prompt is too long: 250000 tokens > 200000 maximum' },
    [422, 'context_length_exceeded'],
  ),
  refused('a content filter', 'openai', { status: 400, code: 'content_policy_violation' }, [
    422,
    'content_filtered',
  ]),
  refused(
    'a 429 of an empty account',
    'openai',
    { status: 429, type: 'insufficient_quota', code: 'insufficient_quota' },
    [424, 'quota_exhausted'],
  ),
  refused(
    'a 429 of a spend limit',
    'anthropic',
    { status: 429, code: 'enforced_spend_limit_reached' },
    [424, 'quota_exhausted'],
  ),
  refused(
    'a 429 that no waiting helps',
    'openai',
    {
      status: 429,
      type: 'tokens',
      code: 'rate_limit_exceeded',
      message:
        'Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 36278.',
    },
    [424, 'request_exceeds_rate_limit'],
  ),
];

const failed = (
  name: string,
  provider: VendorId,
  behaviours: readonly Behaviour[],
  end: Pick<Case, 'code' | 'status' | 'billed'> &
    Partial<Pick<Case, 'retryable'>> & { fields?: object },
): Case => ({ name, provider, behaviours, retryable: true, ...end });

const FAILED: readonly Case[] = [
  ...(['openai', 'anthropic'] as const).flatMap((provider) => [
    failed('500 three times', provider, times(3, { status: 500 }), {
      code: 'server_error',
      status: 502,
      billed: 'no',
    }),
    failed('HTML instead of an answer', provider, times(2, { fault: 'html' }), {
      code: 'invalid_response',
      status: 502,
      billed: 'unknown',
    }),
    failed('an empty answer', provider, times(2, { fault: 'empty' }), {
      code: 'invalid_response',
      status: 502,
      billed: 'unknown',
    }),
    failed('half an answer', provider, times(2, { fault: 'half-json-close' }), {
      code: 'response_truncated',
      status: 502,
      billed: 'yes',
    }),
    failed('a reset instead of an answer', provider, times(2, { fault: 'reset-before-headers' }), {
      code: 'connection_lost',
      status: 502,
      billed: 'unknown',
    }),
    failed('no answer within the deadline', provider, [{ fault: 'never-answer' }], {
      code: 'timeout_no_response',
      status: 504,
      billed: 'unknown',
      fields: { timeoutMs: 1_000 },
    }),
  ]),
  failed('529 three times', 'anthropic', times(3, { status: 529 }), {
    code: 'overloaded',
    status: 503,
    billed: 'no',
  }),
  failed('a reset in the middle', 'openai', times(2, { fault: 'reset-in-body' }), {
    code: 'response_truncated',
    status: 502,
    billed: 'yes',
  }),
  failed('a gateway page', 'anthropic', times(2, { fault: 'html', status: 502 }), {
    code: 'gateway_error',
    status: 502,
    billed: 'unknown',
  }),
  failed(
    'an answer that is half there at the deadline',
    'anthropic',
    [{ fault: 'half-json-stall' }],
    {
      code: 'deadline_exceeded',
      retryable: false,
      status: 504,
      billed: 'yes',
      fields: { timeoutMs: 1_000 },
    },
  ),
];

describe('an execution that fails at the provider', () => {
  let bench: TestBench;
  let keyIds: Record<VendorId, string>;

  beforeAll(async () => {
    bench = await TestBench.start();
    keyIds = { openai: await bench.saveKey('openai'), anthropic: await bench.saveKey('anthropic') };
  });

  afterAll(async () => {
    await bench.close();
  });

  it.each([...REFUSED, ...FAILED])(
    'with $name at $provider is recorded and answered with $status',
    async (row) => {
      const { provider, behaviours, code, status, billed, retryable } = row;
      const before = bench.upstream.requests.length;
      bench.upstream.script(behaviours);
      const answer = await bench.run({ provider, model: MODELS[provider], ...row.fields });
      const problem = expectProblem(answer, code);
      expect(answer.status).toBe(status);
      expect(problem).toMatchObject({
        executionId: expect.any(String),
        category: code,
        retryable,
        billed,
        attempts: behaviours.length,
        provider: { name: provider },
      });
      // One request on the wire per attempt in the ledger.
      expect(bench.upstream.requests).toHaveLength(before + behaviours.length);
      const record = await bench.read(problem.executionId as string);
      expect(record).toMatchObject({
        status: 'failed',
        error: { category: code, code, retryable, billed, message: problem.detail },
        finishReason: null,
        output: null,
        usage: null,
        costUsd: null,
        receipt: null,
        apiKeyId: keyIds[provider],
      });
      expect(record.completedAt).not.toBeNull();
      expect(record.attempts).toHaveLength(behaviours.length);
      for (const [index, attempt] of (record.attempts as unknown[]).entries()) {
        const isLast = index === behaviours.length - 1;
        expect(attempt).toMatchObject({
          number: index + 1,
          status: 'failed',
          errorCategory: code,
          billed,
          waitMs: isLast ? null : expect.any(Number),
        });
      }
    },
  );

  it('marks the key that the provider refused, and clears the mark when it works again', async () => {
    bench.upstream.script([{ status: 401 }]);
    await bench.run({ provider: 'openai', model: MODELS.openai }).expect(424);
    await bench.keyWithStatus(keyIds.openai, 'invalid');
    await bench.run({ provider: 'openai', model: MODELS.openai }).expect(201);
    await bench.keyWithStatus(keyIds.openai, 'active');
    bench.upstream.script([{ status: 429, code: 'insufficient_quota' }]);
    await bench.run({ provider: 'openai', model: MODELS.openai }).expect(424);
    await bench.keyWithStatus(keyIds.openai, 'rate_limited');
    bench.upstream.script([{ status: 400 }]);
    await bench.run({ provider: 'openai', model: MODELS.openai }).expect(422);
    expect((await bench.readKey(keyIds.openai)).status).toBe('rate_limited');
  });

  it('because its deadline passed between two attempts is not called again', async () => {
    const before = bench.upstream.requests.length;
    bench.upstream.script([{ status: 429, headers: { 'retry-after-ms': '1000' } }]);
    const answer = await bench.run({ provider: 'openai', model: MODELS.openai, timeoutMs: 1_000 });
    expectProblem(answer, 'rate_limited');
    expect(bench.upstream.requests).toHaveLength(before + 1);
  });

  it.each([
    ['error-500', 502, 'server_error'],
    ['disconnect', 502, 'connection_lost'],
    ['nobody', 424, 'model_not_found'],
  ] as const)('on echo/%s behaves like the real thing', async (model, status, code) => {
    const answer = await bench.run({ provider: 'echo', model });
    expect([answer.status, expectProblem(answer, code).provider]).toMatchObject([
      status,
      { name: 'echo' },
    ]);
  });

  it('keeps what a hostile provider says about the key to itself', async () => {
    const secret = 'sk-test-hostile-abcdef-0123456789';
    const workspaceId = await bench.createWorkspace();
    await bench.saveKey('openai', { apiKey: secret }, workspaceId);
    await bench.saveKey('anthropic', { apiKey: secret }, workspaceId);
    const text = `Incorrect API key provided: ${secret}.`;
    const headers = {
      'x-request-id': secret,
      'request-id': secret,
      'www-authenticate': secret,
      'set-cookie': `key=${secret}`,
      'x-leak': secret,
    };
    for (const provider of ['openai', 'anthropic'] as const) {
      for (const behaviour of [
        { status: 401, message: text, code: secret, type: secret, headers },
        { status: 400, message: text, code: secret.toLowerCase(), headers },
        { status: 400, body: text, headers },
        {
          status: 400,
          body: { error: { [secret]: secret, message: [text], code: [secret] } },
          headers,
        },
        { status: 422, body: { error: secret, request_id: secret }, headers },
        { status: 400, code: secret.slice(8, 30), headers: { 'request-id': secret.slice(0, 20) } },
      ]) {
        bench.upstream.script([behaviour]);
        const answer = await bench.run({ provider, model: MODELS[provider] }, workspaceId);
        expect([422, 424]).toContain(answer.status);
        const record = await bench.app.request(
          'get',
          bench.app.path(`executions/${answer.body.executionId}`, workspaceId),
        );
        const everything = [answer, record]
          .map(({ text: body, headers: sent }) => `${body}${JSON.stringify(sent)}`)
          .join('');
        expect(everything).not.toMatch(/hostile|Incorrect API key|abcdef-0123/);
        expect(answer.headers).not.toHaveProperty('set-cookie');
      }
    }
    expect(await tablesWith(bench.app.database.dataSource, 'hostile-abcdef')).toEqual([]);
    expect(await tablesWith(bench.app.database.dataSource, 'Incorrect API key')).toEqual([]);
  });
});
