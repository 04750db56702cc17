import { ExecutionContent } from '../../src/content';
import { CryptoService, DataKeys } from '../../src/crypto';
import { AuditBuffer } from '../../src/audit-trail';
import { auditRows } from '../support/audit-rows';
import { TestApp } from '../support/test-app';
import { newRootKey, VaultNode } from '../support/vault-node';

/** Nobody listens there: a key that opens ends in a refused connection. */
const BASE_URL = 'http://127.0.0.1:9/v1';

describe('the data key of a workspace', () => {
  let app: TestApp;
  let secondNode: TestApp;
  const variables = { KEYRUN_ALLOWED_HOSTS: '127.0.0.1:9' };

  beforeAll(async () => {
    app = await TestApp.start({ variables });
    secondNode = await TestApp.start({ variables, nodeOf: app });
  });

  afterAll(async () => {
    await secondNode.close();
    await app.close();
  });

  async function saveKey(): Promise<string> {
    const answer = await app
      .request('post', app.path('api-keys'))
      .send({
        provider: 'openai',
        apiKey: 'sk-proj-0123456789abcdefghijklmnopqrstuv',
        baseUrl: BASE_URL,
      })
      .expect(201);
    return (answer.body as { id: string }).id;
  }

  const statusOf = async (keyId: string) => {
    const { body } = await app.request('get', app.path('api-keys')).expect(200);
    return (body as { data: { id: string; status: string }[] }).data.find(({ id }) => id === keyId)
      ?.status;
  };

  async function opens(node: TestApp, keyId: string): Promise<boolean> {
    const { body } = await node.request('post', app.path('executions')).send({
      agentId: 'test',
      provider: 'openai',
      model: 'gpt-x',
      apiKeyId: keyId,
      timeoutMs: 5_000,
      messages: [{ role: 'user', content: 'x' }],
    });
    return JSON.stringify(body).includes('connect_failed');
  }

  /** What the audit trail says that became of the key when it was to be opened. */
  async function usesOf(keyId: string): Promise<string[]> {
    await app.app.get(AuditBuffer, { strict: false }).flush();
    const rows = await auditRows(app, app.workspaceId);
    return rows
      .filter(({ subject_id: id, purpose }) => id === keyId && purpose !== null)
      .map(({ action }) => action);
  }

  /** Without the uses of keys, which are written later, in batches. */
  const managementRows = async () =>
    (await auditRows(app, app.workspaceId)).filter(({ purpose }) => purpose === null);

  it('is described to the owner, without the key', async () => {
    const { body } = await app.request('get', app.path('data-key')).expect(200);
    expect(body).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      workspaceId: app.workspaceId,
      rootKeyId: expect.stringMatching(/^[\w-]{16}$/),
      createdAt: expect.any(String),
      ageSeconds: expect.any(Number),
    });
  });

  it('is counted under its root key, and its owner sees how far a change of that is', async () => {
    const read = async () => (await app.request('get', app.path('root-keys')).expect(200)).body;
    const { rootKeys, dataKeys, dataKeysLeft } = await read();
    const active = { id: expect.any(String), dataKeys, active: true, configured: true };
    expect([rootKeys, dataKeysLeft]).toEqual([[{ ...active, retirable: false }], 0]);

    const foreign = newRootKey();
    await VaultNode.local(app.database, foreign).addWorkspaces(3);
    expect(await read()).toEqual({
      dataKeys: Number(dataKeys) + 3,
      dataKeysLeft: 3,
      rootKeys: [
        { ...active, retirable: false },
        { id: foreign.id, dataKeys: 3, active: false, configured: false, retirable: false },
      ],
    });
    await app.database.dataSource.query('DELETE FROM workspace_data_keys WHERE root_key_id = $1', [
      foreign.id,
    ]);
    expect(await read()).toMatchObject({ dataKeys, dataKeysLeft: 0 });
  });

  it('is replaced by the owner, and every node opens the keys from then on', async () => {
    const keyId = await saveKey();
    expect(await opens(secondNode, keyId)).toBe(true);
    const before = await app.request('get', app.path('data-key')).expect(200);
    const { body } = await app.request('post', app.path('data-key/rotate')).expect(200);
    expect(body).toMatchObject({ workspaceId: app.workspaceId, resealedSecrets: 1 });
    expect(body.id).not.toBe(before.body.id);
    expect((await managementRows()).at(-1)).toMatchObject({
      action: 'data-key.rotated',
      actor: expect.stringMatching(/^[0-9a-f-]{36}$/),
      subject_type: 'data-key',
      subject_id: body.id,
      details: { formerDataKeyId: before.body.id, rootKeyId: body.rootKeyId, secrets: 1 },
    });
    const after = await secondNode.request('get', app.path('data-key')).expect(200);
    expect(after.body.id).toBe(body.id);
    for (const node of [app, secondNode]) expect(await opens(node, keyId)).toBe(true);
    expect(await statusOf(keyId)).not.toBe('unreadable');
    await app.request('delete', app.path(`api-keys/${keyId}`)).expect(204);
  });

  it('leaves what was sealed as content readable when it is replaced', async () => {
    const place = { executionId: '01890000-0000-7000-8000-000000000001', field: 'output' } as const;
    const sealer = (node: TestApp) =>
      node.app.get(ExecutionContent, { strict: false }).sealer(app.workspaceId);
    const sealed = (await sealer(app)).seal('an answer', place);
    await app.request('post', app.path('data-key/rotate')).expect(200);
    expect((await sealer(app)).open(sealed, place)).toBe('an answer');
    expect((await sealer(secondNode)).open(sealed, place)).toBe('an answer');
  });

  it('is nobody else’s', async () => {
    for (const role of ['viewer', 'developer', 'admin'] as const) {
      const token = await app.tokenOf(role);
      await app.request('get', app.path('data-key'), token).expect(403);
      await app.request('post', app.path('data-key/rotate'), token).expect(403);
    }
    const foreign = app.path('data-key', '01890000-0000-7000-8000-000000000000');
    await app.request('get', foreign).expect(404);
    await app.request('post', `${foreign}/rotate`).expect(404);
    await app.request('get', app.path('data-key'), null).expect(401);
  });

  it('is not replaced while a key does not open; such a key is seen, and fails no readiness', async () => {
    const keyId = await saveKey();
    const move = (baseUrl: string) =>
      app.database.dataSource.query(`UPDATE api_keys SET base_url = $2 WHERE id = $1`, [
        keyId,
        baseUrl,
      ]);
    const ready = async () => {
      const { body } = await app.request('get', '/health/ready', null).expect(200);
      return (body as { details: { vault: object } }).details.vault;
    };
    expect(await ready()).toEqual({ status: 'up', unreadableApiKeys: 0 });
    await move('https://attacker.example');
    const { body } = await app.request('post', app.path('data-key/rotate')).expect(422);
    expect(body).toMatchObject({ code: 'unprocessable', unreadableIds: [keyId] });
    expect((await managementRows()).at(-1)!.action).toBe('api-key.created');
    expect(await opens(app, keyId)).toBe(false);
    expect(await usesOf(keyId)).toEqual(['api-key.unreadable']);
    expect(await statusOf(keyId)).toBe('unreadable');
    expect(await ready()).toEqual({ status: 'up', unreadableApiKeys: 1 });
    await move(BASE_URL);
    await app.request('post', app.path('data-key/rotate')).expect(200);
  });

  it('is read again when it was replaced between reading a key and opening it', async () => {
    const keyId = await saveKey();
    const crypto = app.app.get(CryptoService, { strict: false });
    const decrypt = crypto.decryptApiKey.bind(crypto);
    let rotations = 0;
    const spy = jest.spyOn(crypto, 'decryptApiKey').mockImplementation(async (...words) => {
      if (rotations < 2) {
        rotations += 1;
        await secondNode.request('post', app.path('data-key/rotate')).expect(200);
        app.app.get(DataKeys, { strict: false }).evict(app.workspaceId);
      }
      return decrypt(...words);
    });
    try {
      expect(await opens(app, keyId)).toBe(true);
      expect(rotations).toBe(2);
      expect(await statusOf(keyId)).not.toBe('unreadable');
      expect(await usesOf(keyId)).toEqual(['api-key.used']);
    } finally {
      spy.mockRestore();
    }
  });
});
