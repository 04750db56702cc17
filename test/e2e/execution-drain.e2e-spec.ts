import { setImmediate as turn } from 'node:timers/promises';
import { TestBench } from '../support/test-bench';

const OPENAI = { provider: 'openai', model: 'gpt-4o-mini' };

describe('the end of an execution', () => {
  let bench: TestBench;

  beforeEach(async () => {
    bench = await TestBench.start();
    await bench.saveKey('openai');
  });

  afterEach(async () => {
    await bench.close();
  });

  it('is recorded before the server closes, though no client waits for it any more', async () => {
    const { app, upstream } = bench;
    const answered = new AbortController();
    upstream.script([
      {
        raw: (response) => {
          answered.signal.addEventListener('abort', () => {
            response.setHeader('content-type', 'application/json');
            response.end(
              JSON.stringify({
                id: 'chatcmpl-1',
                object: 'chat.completion',
                model: 'gpt-4o-mini',
                choices: [
                  {
                    index: 0,
                    finish_reason: 'stop',
                    message: { role: 'assistant', content: 'late' },
                  },
                ],
                usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
              }),
            );
          });
        },
      },
    ]);
    const client = new AbortController();
    const call = fetch(`${app.url}${app.path('executions')}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${app.ownerToken}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ agentId: 'a', ...OPENAI, messages: [{ role: 'user', content: 'x' }] }),
      signal: client.signal,
    });
    await upstream.untilRequests(1);
    client.abort();
    await expect(call).rejects.toThrow('abort');
    let isClosed = false;
    const closing = app.app.close().then(() => (isClosed = true));
    for (let turns = 0; turns < 50; turns += 1) await turn();
    expect(isClosed).toBe(false);
    answered.abort();
    await closing;
    const rows = await app.database.dataSource.query(
      'SELECT status, output_tokens AS tokens FROM agent_executions',
    );
    expect(rows).toEqual([{ status: 'completed', tokens: 2 }]);
  });

  it('is recorded at a later try when the ledger fails for a moment', async () => {
    const { dataSource } = bench.app.database;
    await dataSource.query(`
      CREATE SEQUENCE settlements;
      CREATE FUNCTION time_out() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
        IF nextval('public.settlements') = 1 THEN
          RAISE EXCEPTION 'as if by a lock' USING ERRCODE = '57014';
        END IF;
        RETURN NEW;
      END $$;
      CREATE TRIGGER time_out BEFORE UPDATE ON agent_executions
        FOR EACH ROW EXECUTE FUNCTION time_out()`);
    const answer = await bench.run(OPENAI).expect(201);
    expect(answer.body.status).toBe('completed');
    expect(await bench.read(answer.body.id as string)).toEqual(answer.body);
    expect(bench.upstream.paidCalls).toHaveLength(1);
  });
});
