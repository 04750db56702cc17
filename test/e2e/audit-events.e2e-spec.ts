import { auditRows } from '../support/audit-rows';
import { FaultyUpstream } from '../support/faulty-upstream';
import { TestApp } from '../support/test-app';

const UUID = expect.stringMatching(/^[0-9a-f-]{36}$/);

describe('audit events of management actions', () => {
  let upstream: FaultyUpstream;
  let app: TestApp;
  let ownerId: string;
  const seen = { keyId: '', tokenId: '', tokenText: '' };

  beforeAll(async () => {
    upstream = await FaultyUpstream.start();
    app = await TestApp.start({ variables: { KEYRUN_ALLOWED_HOSTS: new URL(upstream.url).host } });
    const [row] = await app.database.dataSource.query(`SELECT id FROM access_tokens`);
    ownerId = row.id;
  });

  afterAll(async () => {
    await app.close();
    await upstream.close();
  });

  /** Without the uses of keys, which are appended when their time has come. */
  const actionsIn = async (workspaceId: string | null) =>
    (await auditRows(app, workspaceId)).filter((row) => row.action !== 'api-key.used');

  /** The events that `work` leaves in the chain. */
  async function eventsOf(
    work: () => Promise<unknown>,
    workspaceId: string | null = app.workspaceId,
  ) {
    const before = await actionsIn(workspaceId);
    await work();
    return (await actionsIn(workspaceId)).slice(before.length);
  }

  const saveKey = (apiKey: string) =>
    app
      .request('post', app.path('api-keys'))
      .send({ provider: 'openai', apiKey, label: 'Production', baseUrl: `${upstream.url}/v1` });
  const host = () => new URL(upstream.url).host;
  const described = (last4: string) => ({
    provider: 'openai',
    label: 'Production',
    last4,
    destination: host(),
  });

  it('record how the way in was made, by the server and in no request', async () => {
    expect(await auditRows(app, app.workspaceId)).toMatchObject([
      {
        sequence: '1',
        action: 'workspace.created',
        subject_type: 'workspace',
        subject_id: app.workspaceId,
        actor: 'server',
        request_id: null,
        details: { name: 'default' },
      },
      {
        sequence: '2',
        action: 'token.created',
        subject_type: 'token',
        subject_id: ownerId,
        actor: 'server',
        details: {
          name: 'First owner',
          role: 'owner',
          last4: app.ownerToken.slice(-4),
          expiresAt: null,
        },
      },
    ]);
  });

  it('api-key.created', async () => {
    let requestId = '';
    const events = await eventsOf(async () => {
      const answer = await saveKey('sk-test-audit-first-0000001234').expect(201);
      seen.keyId = answer.body.id;
      requestId = answer.headers['x-request-id']!;
    });
    expect(events).toMatchObject([
      {
        id: UUID,
        action: 'api-key.created',
        subject_type: 'api-key',
        subject_id: seen.keyId,
        actor: ownerId,
        purpose: null,
        request_id: requestId,
        details: described('1234'),
      },
    ]);
    expect(Math.abs(events[0]!.occurred_at.getTime() - Date.now())).toBeLessThan(10_000);
  });

  it('api-key.updated, and nothing for a change of nothing', async () => {
    const path = app.path(`api-keys/${seen.keyId}`);
    const change = () =>
      app.request('patch', path).send({ priority: 7, enabled: true }).expect(200);
    expect(await eventsOf(change)).toMatchObject([
      {
        action: 'api-key.updated',
        subject_id: seen.keyId,
        details: { ...described('1234'), priority: 7, enabled: true },
      },
    ]);
    const nothing = () => app.request('patch', path).send({}).expect(200);
    expect(await eventsOf(nothing)).toEqual([]);
  });

  it('api-key.secret-replaced', async () => {
    const replace = () =>
      app
        .request('put', app.path(`api-keys/${seen.keyId}/secret`))
        .send({ apiKey: 'sk-test-audit-second-000005678' })
        .expect(200);
    expect(await eventsOf(replace)).toMatchObject([
      {
        action: 'api-key.secret-replaced',
        subject_id: seen.keyId,
        details: { ...described('5678'), secretVersion: 2 },
      },
    ]);
  });

  it('api-key.tested, of a saved and of an unsaved key, accepted and refused', async () => {
    const test = (body: object) => () =>
      app.request('post', app.path('api-keys/test')).send(body).expect(200);
    expect(await eventsOf(test({ keyId: seen.keyId }))).toMatchObject([
      {
        action: 'api-key.tested',
        subject_id: seen.keyId,
        details: { provider: 'openai', destination: host(), ok: true, category: 'ok' },
      },
    ]);
    upstream.script([{ status: 401 }]);
    const unsaved = {
      provider: 'openai',
      apiKey: 'sk-test-audit-unsaved-00000',
      baseUrl: `${upstream.url}/v1`,
    };
    expect(await eventsOf(test(unsaved))).toMatchObject([
      {
        action: 'api-key.tested',
        subject_id: null,
        details: {
          provider: 'openai',
          destination: host(),
          ok: false,
          category: 'credential_invalid',
        },
      },
    ]);
  });

  it('api-key.deleted, one for each key', async () => {
    await eventsOf(() => saveKey('sk-test-audit-third-0000009999').expect(201));
    const remove = () => app.request('delete', app.path(`api-keys/${seen.keyId}`)).expect(204);
    expect(await eventsOf(remove)).toMatchObject([
      { action: 'api-key.deleted', subject_id: seen.keyId, details: described('5678') },
    ]);
    await eventsOf(() => saveKey('sk-test-audit-fourth-000008888').expect(201));
    const removeAll = () => app.request('delete', app.path('api-keys?provider=openai')).expect(204);
    expect(await eventsOf(removeAll)).toMatchObject([
      { action: 'api-key.deleted', details: described('9999') },
      { action: 'api-key.deleted', details: described('8888') },
    ]);
    expect(await eventsOf(removeAll)).toEqual([]);
  });

  it('token.created and token.revoked', async () => {
    const create = async () => {
      const answer = await app
        .request('post', app.path('tokens'))
        .send({ name: 'CI', role: 'developer' })
        .expect(201);
      seen.tokenId = answer.body.id;
      seen.tokenText = answer.body.token;
    };
    const token = () => ({
      subject_id: seen.tokenId,
      actor: ownerId,
      details: { name: 'CI', role: 'developer', last4: seen.tokenText.slice(-4) },
    });
    const created = await eventsOf(create);
    expect(created).toMatchObject([{ action: 'token.created', ...token() }]);
    const revoke = () => app.request('delete', app.path(`tokens/${seen.tokenId}`)).expect(204);
    const revoked = await eventsOf(revoke);
    expect(revoked).toMatchObject([{ action: 'token.revoked', ...token() }]);
  });

  it('record each new secret, session and leak of a token, without the secret', async () => {
    const made = await app
      .request('post', app.path('tokens'))
      .send({ name: 'Short-lived', role: 'developer' })
      .expect(201);
    const id = made.body.id as string;
    const secrets: string[] = [made.body.token];
    const events = await eventsOf(async () => {
      const rotated = await app
        .request('post', app.path(`tokens/${id}/rotate`))
        .send({})
        .expect(201);
      secrets.push(rotated.body.token);
      const signedIn = await app.request('post', '/api/session', rotated.body.token).expect(201);
      const [cookie = ''] = signedIn.headers['set-cookie'] as unknown as string[];
      secrets.push(cookie.split(/[=;]/)[1]!);
      await app
        .request('delete', '/api/session', null)
        .set({
          Cookie: cookie.split(';')[0]!,
          'x-keyrun-csrf': '1',
          'Sec-Fetch-Site': 'same-origin',
        })
        .set('Content-Type', 'application/json')
        .expect(204);
      await app.request('get', `/api/providers?token=${rotated.body.token}`).expect(400);
    });
    expect(events).toMatchObject([
      { action: 'token.rotated', subject_id: id, details: { overlapSeconds: 0 } },
      { action: 'session.started', actor: id, details: { tokenId: id } },
      { action: 'session.ended', actor: id, subject_id: events[1]!.subject_id },
      { action: 'token.leaked', subject_id: id, details: { isRevoked: true } },
    ]);
    for (const secret of secrets) expect(JSON.stringify(events)).not.toContain(secret);
  });

  it('workspace.passed-on, in the trail of the workspace that has a new owner', async () => {
    const maker = await app
      .request('post', app.path('tokens'))
      .send({ name: 'Maker', role: 'admin' })
      .expect(201);
    const make = async () => {
      const answer = await app
        .request('post', '/api/workspaces', maker.body.token)
        .send({ name: 'Passed on' })
        .expect(201);
      return answer.body.id as string;
    };
    const owned = [await make(), await make()];
    const revoke = () => app.request('delete', app.path(`tokens/${maker.body.id}`)).expect(204);
    expect(await eventsOf(revoke)).toMatchObject([
      { action: 'token.revoked', subject_id: maker.body.id },
    ]);
    for (const workspaceId of owned) {
      expect((await auditRows(app, workspaceId)).at(-1)).toMatchObject({
        action: 'workspace.passed-on',
        subject_id: workspaceId,
        actor: ownerId,
        details: { formerTokenId: maker.body.id, tokenId: ownerId },
      });
      const verified = await app.request('get', app.path('audit-events/verify', workspaceId));
      expect(verified.body).toMatchObject({ ok: true });
    }
  });

  it('workspace.renamed, with any name that is allowed', async () => {
    for (const name of ['Research', 'Zoë "Ω" \\ 🚀', '10 % \u2028.']) {
      const rename = () =>
        app.request('patch', `/api/workspaces/${app.workspaceId}`).send({ name }).expect(200);
      expect(await eventsOf(rename)).toMatchObject([
        { action: 'workspace.renamed', subject_id: app.workspaceId, details: { name } },
      ]);
    }
  });

  it('workspace.created and workspace.deleted; the deletion is kept by the server', async () => {
    const created = await app
      .request('post', '/api/workspaces')
      .send({ name: 'Short' })
      .expect(201);
    const { id } = created.body as { id: string };
    expect(await auditRows(app, id)).toMatchObject([
      { action: 'workspace.created', subject_id: id, actor: ownerId, details: { name: 'Short' } },
    ]);
    const { body } = await app.request('get', app.path('audit-events/verify', id)).expect(200);
    const remove = () => app.request('delete', `/api/workspaces/${id}`).expect(204);
    expect(await eventsOf(remove, null)).toMatchObject([
      {
        workspace_id: null,
        action: 'workspace.deleted',
        subject_id: id,
        actor: ownerId,
        details: { events: 1, lastHash: body.head.hash },
      },
    ]);
    const left = await app.database.dataSource.query(
      `SELECT FROM audit_events WHERE workspace_id = $1
       UNION ALL SELECT FROM audit_heads WHERE workspace_id = $1`,
      [id],
    );
    expect(left).toEqual([]);
  });

  it('leave nothing of an action that failed', async () => {
    const { dataSource } = app.database;
    const failures = async () => {
      await app.request('delete', app.path(`tokens/${ownerId}`)).expect(409);
      await app.request('delete', app.path(`api-keys/${app.workspaceId}`)).expect(404);
      await app
        .request('patch', app.path(`api-keys/${ownerId}`))
        .send({ label: 'x' })
        .expect(404);
      await app
        .request('patch', `/api/workspaces/${app.workspaceId}`)
        .send({ name: '' })
        .expect(400);
    };
    expect(await eventsOf(failures)).toEqual([]);

    await dataSource.query(`ALTER FUNCTION append_audit_events(json) RENAME TO mislaid`);
    try {
      expect(await eventsOf(() => saveKey('sk-test-audit-unheard-0007777').expect(500))).toEqual(
        [],
      );
    } finally {
      await dataSource.query(`ALTER FUNCTION mislaid(json) RENAME TO append_audit_events`);
    }
    expect(await dataSource.query(`SELECT FROM api_keys WHERE last4 = '7777'`)).toEqual([]);
  });

  it('hold no secret, no ciphertext and no token, and form one intact chain', async () => {
    const { body } = await app.request('get', app.path('audit-events/verify')).expect(200);
    expect(body).toMatchObject({ ok: true, firstBroken: null });
    const text = JSON.stringify([
      await auditRows(app, app.workspaceId),
      await auditRows(app, null),
    ]);
    expect(body.events).toBeGreaterThan(15);
    for (const secret of [
      'sk-test',
      's1:',
      'w1:',
      'kr_pat_',
      seen.tokenText,
      app.ownerToken,
      '/v1',
    ]) {
      expect(text).not.toContain(secret);
    }
  });
});
