import type { ServerResponse } from 'node:http';
import { ProviderLookUp } from '../../src/executions/lifecycle/provider-look-up';
import { TestBench } from '../support/test-bench';

const OPENAI = { provider: 'openai', model: 'gpt-4o-mini' };

describe('an answer that a crash cost', () => {
  let bench: TestBench;

  beforeEach(async () => {
    bench = await TestBench.start();
    await bench.saveKey('openai');
  });

  afterEach(async () => {
    await bench.close();
  });

  const lookUp = () => bench.app.app.get(ProviderLookUp, { strict: false }).run();
  const settings = (body: object) =>
    bench.app.request('patch', `/api/workspaces/${bench.app.workspaceId}`).send(body).expect(200);

  /** An execution whose server is taken for dead while the provider works on it. */
  async function interrupted() {
    let response!: ServerResponse;
    bench.upstream.script([{ raw: (open) => (response = open) }]);
    const waiting = bench.run(OPENAI).then((answer) => answer);
    await bench.upstream.untilRequests(1);
    const [{ id }] = (await bench.app.request('get', bench.app.path('executions'))).body.data;
    const { dataSource } = bench.app.database;
    await dataSource.query(
      `SELECT interrupt_executions(owner_id, 100, 'It died.') FROM agent_executions WHERE id = $1`,
      [id],
    );
    return { id: id as string, end: async () => (response.destroy(), waiting) };
  }

  /** The provider answers all the same, and stores it. */
  async function answerThere(): Promise<void> {
    const [request] = bench.upstream.requests;
    const headers = {
      authorization: request!.headers.authorization!,
      'content-type': 'application/json',
    };
    const answer = await fetch(`${bench.upstream.openAiBaseUrl}/chat/completions`, {
      method: 'POST',
      headers,
      body: JSON.stringify(request!.body),
    });
    expect(answer.status).toBe(200);
  }

  it('is found at a provider that was asked to store it, and completes its execution once', async () => {
    await settings({ storeAtProvider: true });
    const { id, end } = await interrupted();
    expect(await bench.read(id)).toMatchObject({
      status: 'failed',
      error: { category: 'interrupted', billed: 'unknown' },
    });
    await answerThere();
    await lookUp();
    const record = await bench.read(id);
    expect(record).toMatchObject({
      status: 'completed',
      error: null,
      output: { content: 'Hello from the upstream.' },
      usage: { inputTokens: 12, outputTokens: 7, source: 'provider' },
      attempts: [{ status: 'succeeded', billed: 'yes' }],
    });
    expect(record.costUsd).toBe(record.attempts[0].costUsd);
    await end();
    expect(await bench.read(id)).toEqual(record);
  });

  it('is not asked for where the workspace has nothing stored there', async () => {
    const { id, end } = await interrupted();
    expect(bench.upstream.requests[0]!.body).not.toHaveProperty('store');
    await lookUp();
    expect(bench.upstream.requests.filter(({ method }) => method === 'GET')).toEqual([]);
    expect((await bench.read(id)).status).toBe('failed');
    await end();
  });

  it('stays interrupted while the provider does not know it', async () => {
    await settings({ storeAtProvider: true });
    const { id, end } = await interrupted();
    await lookUp();
    expect(bench.upstream.requests.some(({ method }) => method === 'GET')).toBe(true);
    expect((await bench.read(id)).error.category).toBe('interrupted');
    await end();
  });
});
