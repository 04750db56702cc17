import type { Response } from 'supertest';
import { rowCounts, tablesWith } from '../support/database-contents';
import { expectProblem } from '../support/problem-of';
import { MODELS, TestBench } from '../support/test-bench';

const CANARY = 'sk-test-CANARY-0123456789-of-secrecy-9876';
const OPENAI = { provider: 'openai', model: MODELS.openai };

interface StoredKey {
  readonly id: string;
  readonly encrypted_key: string;
}

describe('the secrecy of a stored key', () => {
  let bench: TestBench;

  beforeAll(async () => {
    bench = await TestBench.start();
  });

  afterAll(async () => {
    await bench.close();
  });

  const sql = <Row>(text: string, values: unknown[] = []) =>
    bench.app.database.dataSource.query<Row[]>(text, values);
  const stored = async (id: string) => {
    const [row] = await sql<StoredKey>(`SELECT id, encrypted_key FROM api_keys WHERE id = $1`, [
      id,
    ]);
    return row!;
  };
  /** Runs and tests a key that must not open; neither may reach the upstream. */
  const expectUnreadable = async (id: string, workspaceId: string) => {
    const before = bench.upstream.requests.length;
    const executions = await rowCounts(bench.app.database.dataSource);
    const run = await bench.run({ ...OPENAI, apiKeyId: id }, workspaceId);
    expect(expectProblem(run, 'provider_key_unreadable')).toMatchObject({ apiKeyId: id });
    expect(run.status).toBe(424);
    const test = await bench.app
      .request('post', bench.app.path('api-keys/test', workspaceId))
      .send({ keyId: id })
      .expect(200);
    expect(test.body).toMatchObject({ ok: false, category: 'provider_key_unreadable' });
    expect(bench.upstream.requests).toHaveLength(before);
    expect(await rowCounts(bench.app.database.dataSource)).toEqual(executions);
    expect((await bench.readKey(id, workspaceId)).status).toBe('unreadable');
  };

  it('holds in every answer and in every row of the database', async () => {
    const { app, upstream } = bench;
    const workspaceId = await bench.createWorkspace();
    const path = (rest: string) => app.path(rest, workspaceId);
    const answers: Response[] = [];
    const note = async (call: PromiseLike<Response>) => {
      const answer = await call;
      answers.push(answer);
      return answer;
    };
    const body = { provider: 'openai', apiKey: CANARY, baseUrl: upstream.openAiBaseUrl };
    const { body: key } = await note(app.request('post', path('api-keys')).send(body));
    const id = key.id as string;
    await note(
      app.request('post', path('api-keys')).send({ ...body, label: CANARY, colour: CANARY }),
    );
    await note(app.request('post', path('api-keys')).send({ ...body, apiKey: `${CANARY} x` }));
    await note(app.request('post', path('api-keys')).send({ ...body, provider: CANARY }));
    await note(
      app.request('post', path('api-keys')).send({ ...body, baseUrl: `https://${CANARY}` }),
    );
    await note(app.request('put', path(`api-keys/${id}/secret`)).send({ apiKey: CANARY }));
    await note(app.request('patch', path(`api-keys/${id}`)).send({ label: 'Canary' }));
    await note(app.request('post', path('api-keys/test')).send(body));
    upstream.script([{ status: 401, message: `Incorrect API key provided: ${CANARY}` }]);
    await note(app.request('post', path('api-keys/test')).send({ keyId: id }));
    upstream.script([{ status: 400, message: CANARY, code: CANARY.toLowerCase(), type: CANARY }]);
    await note(bench.run(OPENAI, workspaceId));
    await note(bench.run(OPENAI, workspaceId));
    for (const rest of ['api-keys', `api-keys/${id}`, 'executions', 'tokens']) {
      await note(app.request('get', path(rest)));
    }
    expect(
      upstream.requests.filter(({ headers }) => headers.authorization?.includes(CANARY)),
    ).toHaveLength(4);
    for (const answer of answers) {
      const everything = `${answer.text}${JSON.stringify(answer.headers)}`.toLowerCase();
      expect(everything).not.toContain('canary-0123456789');
    }
    for (const part of [CANARY, CANARY.slice(8, 30), CANARY.toLowerCase()]) {
      expect(await tablesWith(app.database.dataSource, part)).toEqual([]);
    }
  });

  it('leaves nothing of it in the database once it is replaced or deleted', async () => {
    const { dataSource } = bench.app.database;
    const workspaceId = await bench.createWorkspace();
    const ids = [
      await bench.saveKey('openai', {}, workspaceId),
      await bench.saveKey('openai', {}, workspaceId),
      await bench.saveKey('anthropic', {}, workspaceId),
    ];
    await bench.run({ ...OPENAI, apiKeyId: ids[0] }, workspaceId).expect(201);
    const envelopes = await Promise.all(ids.map(async (id) => (await stored(id)).encrypted_key));
    const sealedParts = envelopes.map((envelope) => envelope.split(':')[2]!);
    for (const part of sealedParts) {
      expect(await tablesWith(dataSource, part)).toEqual(['public.api_keys']);
    }
    const path = (rest: string) => bench.app.path(`api-keys${rest}`, workspaceId);
    const replaced = { apiKey: 'sk-test-another-000000000001' };
    await bench.app
      .request('put', path(`/${ids[0]!}/secret`))
      .send(replaced)
      .expect(200);
    await bench.app.request('delete', path(`/${ids[1]!}`)).expect(204);
    await bench.app.request('delete', path('?provider=anthropic')).expect(204);
    for (const part of sealedParts) expect(await tablesWith(dataSource, part)).toEqual([]);
  });

  it('is sealed anew each time: the same key twice gives two envelopes', async () => {
    const workspaceId = await bench.createWorkspace();
    const [one, two] = [
      await stored(await bench.saveKey('openai', {}, workspaceId)),
      await stored(await bench.saveKey('openai', {}, workspaceId)),
    ];
    expect(one.encrypted_key).toMatch(/^s1:[0-9a-f-]{36}:[A-Za-z0-9_-]{38,}$/);
    expect(one.encrypted_key).not.toBe(two.encrypted_key);
  });

  it('holds against a base URL that was edited in the database', async () => {
    const workspaceId = await bench.createWorkspace();
    const id = await bench.saveKey('openai', {}, workspaceId);
    await bench.run(OPENAI, workspaceId).expect(201);
    await sql(`UPDATE api_keys SET base_url = base_url || '/elsewhere' WHERE id = $1`, [id]);
    await expectUnreadable(id, workspaceId);
    await sql(`UPDATE api_keys SET base_url = NULL WHERE id = $1`, [id]);
    await expectUnreadable(id, workspaceId);
  });

  it.each(['provider', 'id', 'workspace_id'])(
    'holds against a row whose %s was edited',
    async (column) => {
      const [workspaceId, other] = [await bench.createWorkspace(), await bench.createWorkspace()];
      const id = await bench.saveKey('openai', {}, workspaceId);
      const values: Record<string, string> = {
        provider: 'anthropic',
        id: '0190d8f0-2222-7000-8000-000000000000',
        workspace_id: other,
      };
      await sql(`UPDATE api_keys SET ${column} = $1 WHERE id = $2`, [values[column], id]);
      const run = await bench.run(
        column === 'provider' ? { provider: 'anthropic', model: MODELS.anthropic } : OPENAI,
        column === 'workspace_id' ? other : workspaceId,
      );
      expectProblem(run, 'provider_key_unreadable');
      await sql(`DELETE FROM api_keys WHERE id = ANY($1)`, [[id, values.id]]);
    },
  );

  it('holds against envelopes swapped between two rows, and between two workspaces', async () => {
    const [left, right] = [await bench.createWorkspace(), await bench.createWorkspace()];
    const keys = [
      [await bench.saveKey('openai', {}, left), left],
      [await bench.saveKey('openai', {}, left), left],
      [await bench.saveKey('openai', {}, right), right],
    ] as const;
    const [first, second, foreign] = [
      await stored(keys[0][0]),
      await stored(keys[1][0]),
      await stored(keys[2][0]),
    ];
    const put = (id: string, envelope: string) =>
      sql(`UPDATE api_keys SET encrypted_key = $1 WHERE id = $2`, [envelope, id]);
    await put(first.id, second.encrypted_key);
    await put(second.id, first.encrypted_key);
    await expectUnreadable(first.id, left);
    await expectUnreadable(second.id, left);
    await put(first.id, foreign.encrypted_key);
    await put(foreign.id, second.encrypted_key);
    await expectUnreadable(first.id, left);
    await expectUnreadable(foreign.id, right);
    // Back in its place it opens, and the mark clears.
    await put(first.id, first.encrypted_key);
    await bench.run({ ...OPENAI, apiKeyId: first.id }, left).expect(201);
    await bench.keyWithStatus(first.id, 'active', left);
  });

  it('holds against a single changed character', async () => {
    const workspaceId = await bench.createWorkspace();
    const id = await bench.saveKey('openai', {}, workspaceId);
    const { encrypted_key: envelope } = await stored(id);
    const middle = 60;
    const flipped = envelope[middle] === 'A' ? 'B' : 'A';
    const edited = `${envelope.slice(0, middle)}${flipped}${envelope.slice(middle + 1)}`;
    await sql(`UPDATE api_keys SET encrypted_key = $1 WHERE id = $2`, [edited, id]);
    await expectUnreadable(id, workspaceId);
  });

  it('does not lock out for good: a new secret is tried at once and clears the mark', async () => {
    const workspaceId = await bench.createWorkspace();
    const id = await bench.saveKey('openai', {}, workspaceId);
    await sql(`UPDATE api_keys SET base_url = base_url || '/x' WHERE id = $1`, [id]);
    await expectUnreadable(id, workspaceId);
    const body = { apiKey: 'sk-test-after-repair-0001', baseUrl: bench.upstream.openAiBaseUrl };
    const secret = bench.app.path(`api-keys/${id}/secret`, workspaceId);
    const replaced = await bench.app.request('put', secret).send(body).expect(200);
    expect(replaced.body.status).toBe('untested');
    await bench.run(OPENAI, workspaceId).expect(201);
    await bench.keyWithStatus(id, 'active', workspaceId);
  });

  it('leaves the server ready and the other keys usable when one key is unreadable', async () => {
    const workspaceId = await bench.createWorkspace();
    const id = await bench.saveKey('openai', { priority: 0 }, workspaceId);
    await sql(`UPDATE api_keys SET base_url = base_url || '/x' WHERE id = $1`, [id]);
    await expectUnreadable(id, workspaceId);
    const spare = await bench.saveKey('openai', { priority: 9 }, workspaceId);
    expect((await bench.run(OPENAI, workspaceId).expect(201)).body.apiKeyId).toBe(spare);
    await bench.app.request('get', '/health/ready', null).expect(200);
  });

  it.each([
    CANARY,
    '',
    's1:',
    `s1:0190d8f0-2222-7000-8000-000000000000:${CANARY} `,
    `s1:${CANARY}`,
    `v1:0190d8f0-2222-7000-8000-000000000000:${'A'.repeat(40)}`,
    `s1:0190d8f0-2222-7000-8000-000000000000:${'A'.repeat(37)}`,
  ])('is kept by the table itself, which takes no plaintext: %j', async (text) => {
    const workspaceId = await bench.createWorkspace();
    const id = await bench.saveKey('openai', {}, workspaceId);
    await expect(
      sql(`UPDATE api_keys SET encrypted_key = $1 WHERE id = $2`, [text, id]),
    ).rejects.toMatchObject({ code: '23514', constraint: 'api_keys_encrypted_key' });
    await expect(
      sql(`UPDATE api_keys SET last4 = '12345' WHERE id = $1`, [id]),
    ).rejects.toMatchObject({ constraint: 'api_keys_last4' });
  });

  it('holds against an upstream that answers with the key, however the key is written', async () => {
    const workspaceId = await bench.createWorkspace();
    const key = 'sk-test-"CANARY"\\of-a-hostile-upstream-5311';
    const keyId = await bench.saveKey('openai', { apiKey: key }, workspaceId);
    const echo = `It was ${key}.`;
    bench.upstream.script([
      { ok: true, body: { object: 'list', data: [{ id: key, object: 'model' }] } },
      {
        ok: true,
        content: echo,
        model: key,
        toolCalls: [{ id: key, name: key, arguments: JSON.stringify({ echo }) }],
      },
    ]);
    const test = await bench.app
      .request('post', bench.app.path('api-keys/test', workspaceId))
      .send({ keyId })
      .expect(200);
    const run = await bench.run(OPENAI, workspaceId).expect(201);
    const read = await bench.app.request('get', run.headers.location!).expect(200);
    for (const text of [test.text, run.text, read.text]) {
      expect(text).not.toContain('CANARY');
      expect(text).not.toContain('5311');
    }
    const [call] = run.body.output.toolCalls as { arguments: string }[];
    expect(JSON.parse(call!.arguments)).toEqual({ echo: 'It was [redacted].' });
    expect(await tablesWith(bench.app.database.dataSource, '-hostile-upstream-')).toEqual([]);
  });
});
