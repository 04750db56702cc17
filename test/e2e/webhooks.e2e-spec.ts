import { v7 as uuidv7 } from 'uuid';
import { auditRows } from '../support/audit-rows';
import { rowCounts, tablesWith } from '../support/database-contents';
import { expectProblem, faultyFields } from '../support/problem-of';
import { TestApp } from '../support/test-app';
import { WebhookBench } from '../support/webhook-bench';
import { verify } from '../support/webhook-receiver';

const HOUR = 3_600_000;
const NOWHERE = uuidv7();

describe('webhooks', () => {
  let bench: WebhookBench;
  let app: TestApp;
  let workspaceId: string;

  beforeAll(async () => {
    bench = await WebhookBench.start();
    ({ app } = bench);
  });

  afterAll(async () => {
    await bench.close();
  });

  beforeEach(async () => {
    workspaceId = await bench.createWorkspace();
    bench.receiver.events.length = 0;
  });

  const path = (rest = '') => app.path(`webhooks${rest}`, workspaceId);
  const create = (body: object) => app.request('post', path()).send(body);
  const save = (fields: object = {}) => bench.save(fields, workspaceId);
  const rotate = (id: string, body?: object) => {
    const request = app.request('post', path(`/${id}/secret`));
    return body === undefined ? request : request.send(body);
  };
  const runAndDeliver = async () => {
    await bench.run('echo', workspaceId);
    await bench.deliverDue();
    return bench.receiver.events.at(-1)!;
  };

  it('are made with a secret that is shown this once, and found nowhere again', async () => {
    const { body } = await create({ url: 'https://Hooks.example.com/a?b=c' }).expect(201);
    const { secret, ...shown } = body;
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(shown).toEqual({
      id: expect.any(String),
      url: 'https://hooks.example.com/a?b=c',
      events: ['execution.completed', 'execution.failed', 'execution.cancelled'],
      description: null,
      enabled: true,
      disabledReason: null,
      secrets: [{ id: expect.any(String), createdAt: expect.any(String), expiresAt: null }],
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
    });
    expect((await app.request('get', path(`/${shown.id}`)).expect(200)).body).toEqual(shown);
    const list = await app.request('get', path()).expect(200);
    expect(list.body).toEqual({ object: 'list', data: [shown], hasMore: false, nextCursor: null });
    const bytes = (secret as string).slice('whsec_'.length);
    for (const form of [bytes, secret as string, Buffer.from(bytes, 'base64').toString('hex')]) {
      expect(await tablesWith(app.database.dataSource, form)).toEqual([]);
    }
  });

  it('change in what is given, and in nothing else', async () => {
    const { id } = await save({ description: 'Production' });
    const change = (body: object) =>
      app
        .request('patch', path(`/${id}`))
        .send(body)
        .expect(200);
    const { body: before } = await change({});
    const { body: moved } = await change({ url: `${bench.receiver.url}/moved` });
    expect(moved).toEqual({
      ...before,
      url: `${bench.receiver.url}/moved`,
      updatedAt: moved.updatedAt,
    });
    const events = ['execution.cancelled', 'execution.completed'];
    const { body: last } = await change({ events, description: null, enabled: false });
    expect(last).toMatchObject({
      events: ['execution.completed', 'execution.cancelled'],
      description: null,
      enabled: false,
      disabledReason: null,
    });
    await app.request('delete', path(`/${id}`)).expect(204);
    expectProblem(await app.request('get', path(`/${id}`)), 'not_found');
  });

  it('are listed a page at a time, and are twenty at the most', async () => {
    const ids: string[] = [];
    for (let count = 0; count < 20; count += 1) ids.unshift((await save()).id);
    expectProblem(await create({ url: bench.receiver.url }), 'unprocessable');
    const seen: string[] = [];
    for (let after = ''; ;) {
      const { body } = await app.request('get', path(`?limit=7${after}`)).expect(200);
      seen.push(...body.data.map(({ id }: { id: string }) => id));
      if (body.nextCursor === null) break;
      after = `&after=${body.nextCursor}`;
    }
    expect(seen).toEqual(ids);
  });

  it('with bad input get a clear error and change nothing', async () => {
    const { id } = await save();
    const rows = await rowCounts(app.database.dataSource);
    const url = 'https://hooks.example.com/';
    const bodies: readonly (readonly [object, string])[] = [
      [{}, '/url'],
      [{ url: 7 }, '/url'],
      [{ url: '' }, '/url'],
      [{ url, events: [] }, '/events'],
      [{ url, events: 'execution.failed' }, '/events'],
      [{ url, events: ['execution.queued'] }, '/events'],
      [{ url, events: ['execution.failed', 'execution.failed'] }, '/events'],
      [{ url, events: null }, '/events'],
      [{ url, description: 'a\nb' }, '/description'],
      [{ url, description: 'x'.repeat(201) }, '/description'],
      [{ url, secret: 'whsec_mine' }, '/secret'],
      [{ url, enabled: false }, '/enabled'],
    ];
    for (const [body, pointer] of bodies) {
      expect([body, faultyFields(await create(body))]).toEqual([body, [pointer]]);
    }
    for (const body of [{ enabled: 'yes' }, { url: null }, { events: [] }, { secret: 'x' }]) {
      const answer = await app.request('patch', path(`/${id}`)).send(body);
      expect(faultyFields(answer)).toEqual([`/${Object.keys(body)[0]}`]);
    }
    for (const overlapSeconds of [-1, 604_801, 1.5, '1', null]) {
      expect(faultyFields(await rotate(id, { overlapSeconds }))).toEqual(['/overlapSeconds']);
    }
    for (const query of ['status=open', 'limit=0', 'after=x', 'unknown=1']) {
      const answer = await app.request('get', path(`/${id}/deliveries?${query}`));
      expectProblem(answer, 'validation_failed');
    }
    expect(await rowCounts(app.database.dataSource)).toEqual(rows);
  });

  it.each([
    'http://hooks.example.com/',
    'https://user:pass@hooks.example.com/',
    'https://127.0.0.1/',
    'https://127.1/',
    'https://169.254.169.254/latest/meta-data',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:a9fe:a9fe]/',
    'https://localhost/',
    'https://metadata.google.internal/',
    'https://hooks.example.com:8080/',
    'https://hooks.example.com/#x',
    'file:///etc/passwd',
    'not a url',
  ])('do not lead to %s', async (url) => {
    const { id } = await save();
    for (const answer of [
      await create({ url }),
      await app.request('patch', path(`/${id}`)).send({ url }),
    ]) {
      const { errors } = expectProblem(answer, 'blocked_destination');
      expect(errors).toMatchObject([{ pointer: '/url' }]);
    }
  });

  it('do not lead inside either by a row that was changed, nor once the policy is tighter', async () => {
    const { id } = await save();
    await app.database.dataSource.query(`UPDATE webhooks SET url = $2 WHERE id = $1`, [
      id,
      `http://localhost:${bench.receiver.port}/`,
    ]);
    await bench.run('echo', workspaceId);
    await bench.deliverDue();
    const test = await app.request('post', path(`/${id}/test`)).expect(200);
    expect(test.body).toMatchObject({ ok: false, category: 'blocked_destination', status: null });
    const [delivery] = await bench.deliveries(id, workspaceId);
    expect(delivery).toMatchObject({ attempts: [{ errorCategory: 'blocked_destination' }] });
    const other = await save();
    const strict = await TestApp.start({ nodeOf: app });
    const refused = await strict.request('post', path(`/${other.id}/test`)).expect(200);
    await strict.close();
    expect(refused.body).toMatchObject({ ok: false, category: 'blocked_destination' });
    expect(bench.receiver.events).toEqual([]);
  });

  describe('are tested', () => {
    it('by a signed event at once, of which nothing is kept', async () => {
      const { id, secret } = await save({ enabled: undefined });
      const { body } = await app.request('post', path(`/${id}/test`)).expect(200);
      expect(body).toEqual({
        ok: true,
        category: 'ok',
        message: 'The receiver accepted the event.',
        status: 200,
        latencyMs: expect.any(Number),
      });
      const [event] = bench.receiver.events;
      expect(verify(secret, event!)).toMatchObject({
        type: 'webhook.test',
        data: { workspaceId, webhookId: id },
      });
      expect(await bench.deliveries(id, workspaceId)).toEqual([]);
    });

    it('with a failure as a result, which repeats nothing that the receiver says', async () => {
      const { id } = await save();
      bench.receiver.answer(500);
      const answer = await app.request('post', path(`/${id}/test`)).expect(200);
      expect(answer.body).toMatchObject({ ok: false, category: 'server_error', status: 500 });
      expect(answer.text).not.toContain('what the receiver says');
      expectProblem(await app.request('post', path(`/${NOWHERE}/test`)), 'not_found');
    });

    it('ten times a minute and workspace, apart from the tests of keys', async () => {
      const variables = {
        KEYRUN_ALLOWED_HOSTS: bench.receiver.host,
        KEYRUN_KEY_TESTS_PER_MINUTE: '',
      };
      const limited = await TestApp.start({ variables, nodeOf: app });
      const { id } = await save();
      const test = () => limited.request('post', path(`/${id}/test`));
      for (let count = 0; count < 10; count += 1) await test().expect(200);
      const refused = await test();
      expectProblem(refused, 'too_many_requests');
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
      await limited
        .request('post', limited.path('api-keys/test', workspaceId))
        .send({ keyId: NOWHERE })
        .expect(404);
      await limited.close();
      expect(bench.receiver.events).toHaveLength(10);
    });
  });

  describe('rotate their secret', () => {
    it('with an overlap of a day, in which both sign', async () => {
      const { id, secret: former } = await save();
      const { body } = await rotate(id).expect(201);
      expect(body.secret).not.toBe(former);
      const [current, old] = body.secrets;
      expect(current.expiresAt).toBeNull();
      expect(Date.parse(old.expiresAt) - Date.now()).toBeGreaterThan(23.9 * HOUR);
      const both = await runAndDeliver();
      for (const secret of [former, body.secret]) verify(secret, both);
      expect(String(both.headers['webhook-signature'])).toMatch(/^v1,\S{44} v1,\S{44}$/);
      bench.clock.advance(24 * HOUR + 1);
      const one = await runAndDeliver();
      verify(body.secret, one);
      expect(() => verify(former, one)).toThrow('No matching signature');
      const { body: shown } = await app.request('get', path(`/${id}`)).expect(200);
      expect(shown.secrets).toEqual([current]);
    });

    it('at once with overlapSeconds 0, whatever still signed', async () => {
      const { id, secret: first } = await save();
      const { secret: second } = (await rotate(id, { overlapSeconds: 604_800 }).expect(201)).body;
      const { body } = await rotate(id, { overlapSeconds: 0 }).expect(201);
      const event = await runAndDeliver();
      verify(body.secret, event);
      for (const secret of [first, second]) expect(() => verify(secret, event)).toThrow();
      const rows = await app.database.dataSource.query(
        'SELECT FROM webhook_secrets WHERE webhook_id = $1',
        [id],
      );
      expect(rows).toHaveLength(1);
    });

    it('not so often that signatures pile up', async () => {
      const { id } = await save();
      for (let count = 0; count < 4; count += 1) await rotate(id).expect(201);
      expectProblem(await rotate(id), 'unprocessable');
      await rotate(id, { overlapSeconds: 0 }).expect(201);
      expectProblem(await rotate(NOWHERE), 'not_found');
    });
  });

  it('sign on after the data key was rotated, and say so when a secret does not open', async () => {
    const { id, secret } = await save();
    await rotate(id).expect(201);
    const rotated = await app.request('post', app.path('data-key/rotate', workspaceId));
    expect(rotated.body).toMatchObject({ resealedSecrets: 2 });
    verify(secret, await runAndDeliver());
    await app.database.dataSource.query(
      `UPDATE webhook_secrets SET encrypted_secret =
         overlay(encrypted_secret PLACING 'AAAAAAAA' FROM 60) WHERE webhook_id = $1`,
      [id],
    );
    bench.receiver.events.length = 0;
    await bench.run('echo', workspaceId);
    await bench.deliverDue();
    const [unsigned] = await bench.deliveries(id, workspaceId);
    expect(unsigned).toMatchObject({
      status: 'pending',
      attempts: [{ errorCategory: 'secret_unreadable', responseStatus: null }],
    });
    const test = await app.request('post', path(`/${id}/test`)).expect(200);
    expect(test.body).toMatchObject({ ok: false, category: 'secret_unreadable' });
    expect(bench.receiver.events).toEqual([]);
    const refused = await app.request('post', app.path('data-key/rotate', workspaceId));
    expectProblem(refused, 'unprocessable');
    await rotate(id, { overlapSeconds: 0 }).expect(201);
    await app.request('post', app.path('data-key/rotate', workspaceId)).expect(200);
  });

  it('leave an event for whatever is done to them', async () => {
    const { id } = await save();
    await app
      .request('patch', path(`/${id}`))
      .send({ description: 'x' })
      .expect(200);
    await rotate(id, { overlapSeconds: 60 }).expect(201);
    await app.request('post', path(`/${id}/test`)).expect(200);
    await runAndDeliver();
    const [delivery] = await bench.deliveries(id, workspaceId);
    const redrive = path(`/${id}/deliveries/${delivery!.id}/redrive`);
    await app.request('post', redrive).expect(202);
    bench.receiver.answer(410);
    await bench.deliverDue();
    await app.request('delete', path(`/${id}`)).expect(204);
    const rows = await auditRows(app, workspaceId);
    const events = rows.filter(({ subject_id: subject }) => subject === id);
    expect(events.map(({ action }) => action)).toEqual([
      ...['webhook.created', 'webhook.updated', 'webhook.secret-rotated', 'webhook.tested'],
      ...['webhook.redriven', 'webhook.disabled', 'webhook.deleted'],
    ]);
    const destination = bench.receiver.host;
    expect(events.map(({ details }) => details)).toEqual(
      [{}, {}, { overlapSeconds: 60 }, { category: 'ok' }, { deliveryId: delivery!.id }]
        .map((more) => ({ enabled: true, ...more }))
        .concat([{ enabled: false }, { enabled: false }])
        .map((more) => ({
          destination,
          events: 'execution.completed execution.failed execution.cancelled',
          ...more,
        })),
    );
    expect(events.at(-2)).toMatchObject({ actor: 'server', request_id: null });
  });
});
