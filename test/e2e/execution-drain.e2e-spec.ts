import { setImmediate as turn } from 'node:timers/promises';
import { Client } from 'pg';
import type { Response } from 'supertest';
import { TestBench } from '../support/test-bench';

const OPENAI = { provider: 'openai', model: 'gpt-4o-mini' };

describe('the end of an execution', () => {
  let bench: TestBench;

  beforeEach(async () => {
    bench = await TestBench.start({}, { variables: { KEYRUN_DRAIN_SECONDS: '1' } });
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

  it.each([
    ['its client waits for it', { 'idempotency-key': 'held' }, 502],
    ['it waits in the queue', { prefer: 'respond-async' }, 202],
  ])(
    'is recorded before the server closes, though it had not started when %s',
    async (_, how, status) => {
      const { app, upstream } = bench;
      const client = new Client({ connectionString: app.database.url.expose() });
      client.on('error', () => undefined);
      await client.connect();
      await client.query(`
      CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_advisory_xact_lock_shared(4711);
        RETURN NEW;
      END $$;
      CREATE TRIGGER hold BEFORE INSERT OR UPDATE ON agent_executions
        FOR EACH ROW WHEN (NEW.status = 'running') EXECUTE FUNCTION hold();
      SELECT pg_advisory_lock(4711)`);
      upstream.script([{ fault: 'never-answer' }]);
      const answer = bench.run(OPENAI).set(how).then(statusOf);
      const waiting = `SELECT FROM pg_stat_activity
      WHERE wait_event = 'advisory' AND datname = current_database()`;
      while ((await client.query(waiting)).rowCount === 0);
      const closing = app.app.close();
      // Whoever waits only for what has started is through with it now.
      for (let turns = 0; turns < 50; turns += 1) await turn();
      await client.query('SELECT pg_advisory_unlock(4711)');
      expect(await answer).toBe(status);
      await closing;
      const { rows } = await client.query(
        `SELECT status, error ->> 'category' AS category FROM agent_executions`,
      );
      await client.end();
      expect(rows).toEqual([{ status: 'failed', category: 'interrupted' }]);
      expect(upstream.requests).toHaveLength(1);
    },
  );

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

const statusOf = ({ status }: Response) => status;
