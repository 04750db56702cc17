import { ExecutionQueue } from '../../src/queue';
import { EventReader } from '../support/event-reader';
import { expectProblem } from '../support/problem-of';
import { TestApp } from '../support/test-app';
import { TestBench } from '../support/test-bench';

const ECHO = { provider: 'echo', model: 'echo' };

describe('stored content that does not open', () => {
  let bench: TestBench;
  let workspaceId: string;
  let nodes: TestApp[];

  beforeAll(async () => {
    bench = await TestBench.start();
  });

  afterAll(async () => {
    await bench.close();
  });

  beforeEach(async () => {
    nodes = [];
    workspaceId = await bench.createWorkspace();
  });

  afterEach(async () => {
    for (const node of nodes) await node.close();
  });

  /** A server that has neither a stream nor a key of the workspace in its memory. */
  const freshNode = async () => {
    const node = await TestApp.start({ nodeOf: bench.app });
    nodes.push(node);
    return node;
  };
  const sql = (text: string, id: string) => bench.app.database.dataSource.query(text, [id]);
  const damage = (table: string, executionId: string) =>
    sql(
      `UPDATE ${table} SET sealed = set_byte(sealed, length(sealed) - 1, 255 - get_byte(sealed, length(sealed) - 1))
        WHERE execution_id = $1`,
      executionId,
    );
  const run = async (body: object = {}, key?: string) => {
    const request = bench.run({ ...ECHO, ...body }, workspaceId);
    if (key !== undefined) request.set('Idempotency-Key', key);
    return request;
  };
  const read = async (id: string, at = bench.app) =>
    (await at.request('get', at.path(`executions/${id}`, workspaceId)).expect(200)).body;
  const lastOf = async (reader: EventReader) => (await reader.rest()).at(-1)!;

  it.each([
    ['execution_outputs', { output: null, unreadable: ['output'] }],
    ['execution_requests', { request: null, unreadable: ['request'] }],
  ])('of %s is told as such, and all else as it was', async (table, changed) => {
    const { body } = await run();
    const before = await read(body.id as string);
    expect(before).toMatchObject({ unreadable: [], output: { content: 'Hello' } });
    await damage(table, body.id as string);
    expect(await read(body.id as string)).toEqual({ ...before, ...changed });
    const list = await bench.app.request('get', bench.app.path('executions', workspaceId));
    expect([list.status, list.body.data[0].id]).toEqual([200, body.id]);
  });

  it.each([
    [
      'changed',
      `UPDATE content_keys SET encrypted_key = overlay(encrypted_key PLACING 'AAAA' FROM 60 FOR 4)`,
    ],
    ['lost', 'DELETE FROM content_keys'],
  ])('because its key is %s, is told as such', async (_, change) => {
    const { body } = await run();
    const before = await read(body.id as string);
    await sql(`${change} WHERE workspace_id = $1`, workspaceId);
    const node = await freshNode();
    const unreadable = ['request', 'output'];
    expect(await read(body.id as string, node)).toEqual({
      ...before,
      ...{ request: null, output: null, unreadable },
    });
    const cancelled = await node
      .request('post', node.path(`executions/${body.id}/cancel`, workspaceId))
      .expect(200);
    expect(cancelled.body).toMatchObject({ output: null, unreadable: ['output'] });
  });

  it('ends a stream with an error that says so, where there is none in memory', async () => {
    const { body } = await run();
    await damage('execution_outputs', body.id as string);
    const path = bench.app.path(`executions/${body.id}/stream`, workspaceId);
    const { event, data } = await lastOf(await EventReader.open(bench.app, path));
    expect([event, data.code, data.executionId]).toEqual(['error', 'content_unreadable', body.id]);
  });

  it('ends a repetition under an Idempotency-Key with an error that says so', async () => {
    const { body } = await run({}, 'sync');
    await damage('execution_outputs', body.id as string);
    const again = await run({}, 'sync');
    expectProblem(again, 'content_unreadable');
    expect([again.headers['idempotent-replayed'], again.body.executionId]).toEqual([
      'true',
      body.id,
    ]);

    const streamed = (at: TestApp) =>
      EventReader.open(at, at.path('executions', workspaceId), {
        headers: { 'idempotency-key': 'stream' },
        body: {
          ...ECHO,
          agentId: 'one',
          stream: true,
          messages: [{ role: 'user', content: 'Hi' }],
        },
      });
    const first = await lastOf(await streamed(bench.app));
    await damage('execution_outputs', first.data.id as string);
    const reader = await streamed(await freshNode());
    expect(reader.header.get('idempotent-replayed')).toBe('true');
    const { event, data } = await lastOf(reader);
    expect([event, data.code, data.executionId]).toEqual([
      'error',
      'content_unreadable',
      first.data.id,
    ]);
  });

  it('leaves a failure told as it was', async () => {
    const failed = await run({ model: 'error-500' }, 'failed');
    await damage('execution_requests', failed.body.executionId as string);
    const again = await run({ model: 'error-500' }, 'failed');
    expect({ ...again.body, requestId: '' }).toEqual({ ...failed.body, requestId: '' });
  });

  const forget = (executionId: string) =>
    sql('DELETE FROM execution_requests WHERE execution_id = $1', executionId);

  it.each([
    ['is damaged', (id: string) => damage('execution_requests', id), ['request']],
    ['waited longer than it was kept', forget, []],
  ])('ends an execution in the queue whose request %s, unsent', async (_, change, unreadable) => {
    await bench.app.app.get(ExecutionQueue, { strict: false }).stopFetching();
    const { body } = await bench.run(ECHO, workspaceId).set('Prefer', 'respond-async').expect(202);
    await change(body.id as string);
    const node = await freshNode();
    const path = node.path(`executions/${body.id}/stream`, workspaceId);
    const { event, data } = await lastOf(await EventReader.open(node, path));
    expect([event, data.code]).toEqual(['error', 'content_unreadable']);
    expect(await read(body.id as string, node)).toMatchObject({
      ...{ status: 'failed', attempts: [], unreadable },
      error: { category: 'content_unreadable', billed: 'no' },
    });
  });

  it('lets nothing begin that could not be stored', async () => {
    await run();
    await sql(
      `UPDATE content_keys SET encrypted_key = overlay(encrypted_key PLACING 'AAAA' FROM 60 FOR 4)
        WHERE workspace_id = $1`,
      workspaceId,
    );
    const node = await freshNode();
    for (const prefer of ['', 'respond-async']) {
      const answer = await node
        .request('post', node.path('executions', workspaceId))
        .set('Prefer', prefer)
        .send({ ...ECHO, agentId: 'one', messages: [{ role: 'user', content: 'Hi' }] });
      expectProblem(answer, 'content_unreadable');
    }
  });
});
