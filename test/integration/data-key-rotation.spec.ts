import { KeyServiceUnavailable } from '../../src/crypto';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { newRootKey, type SavedSecret, VaultNode } from '../support/vault-node';

describe('the change of a data key', () => {
  const rootKey = newRootKey();
  let database: TestDatabase;
  let node: VaultNode;
  let workspaceId: string;

  beforeEach(async () => {
    database = await createTestDatabase();
    node = VaultNode.local(database, rootKey);
    await node.crypto.verifyRootKey();
    workspaceId = await node.addWorkspace();
  });

  afterEach(async () => {
    await database.drop();
  });

  const anotherNode = () => VaultNode.local(database, rootKey);

  async function envelopes(): Promise<Record<string, string>> {
    const rows = await database.dataSource.query<{ id: string; envelope: string }[]>(
      `SELECT id, encrypted_key AS envelope FROM api_keys`,
    );
    return Object.fromEntries(rows.map(({ id, envelope }) => [id, envelope]));
  }

  async function dataKeyIds(): Promise<string[]> {
    const rows = await database.dataSource.query<{ id: string }[]>(
      `SELECT id FROM workspace_data_keys WHERE workspace_id = $1`,
      [workspaceId],
    );
    return rows.map(({ id }) => id);
  }

  async function expectAllToOpen(saved: readonly SavedSecret[]): Promise<void> {
    const fresh = anotherNode();
    for (const secret of saved) expect(await fresh.open(secret)).toBe(secret.secret);
  }

  it('seals every secret of the workspace again and deletes the old data key', async () => {
    const saved = [await node.save(workspaceId), await node.save(workspaceId, 'schlüssel-🔑')];
    const [foreign] = await node.addWorkspaces(1);
    const before = await envelopes();
    const token = await node.crypto.digestToken('kr_pat_x');
    const old = await node.rotation.describe(workspaceId);

    const rotated = await node.rotation.rotate(workspaceId);
    expect(rotated).toEqual({ ...(await node.rotation.describe(workspaceId)), secrets: 2 });
    expect(rotated.id).not.toBe(old.id);
    expect(rotated.rootKeyId).toBe(rootKey.id);
    expect(await dataKeyIds()).toEqual([rotated.id]);
    const after = await envelopes();
    for (const { id } of saved) expect(after[id]!.startsWith(`s1:${rotated.id}:`)).toBe(true);
    expect(after[foreign!.id]).toBe(before[foreign!.id]);
    await expectAllToOpen([...saved, foreign!]);
    expect(await node.open(saved[0]!)).toBe(saved[0]!.secret);
    expect(await anotherNode().crypto.digestToken('kr_pat_x')).toEqual(token);
  });

  it('leaves nothing that opens the old envelopes', async () => {
    const saved = await node.save(workspaceId);
    const old = (await envelopes())[saved.id]!;
    await node.rotation.rotate(workspaceId);
    await database.dataSource.query(`UPDATE api_keys SET encrypted_key = $1`, [old]);
    await expect(node.open(saved)).rejects.toMatchObject({ code: 'data_key_missing' });
  });

  it('refuses with nothing changed when a secret does not open', async () => {
    const saved = [];
    for (let count = 0; count < 4; count += 1) saved.push(await node.save(workspaceId));
    const [moved, cut, strange, fine] = saved;
    const change = async (id: string, expression: string) =>
      database.dataSource.query(`UPDATE api_keys SET encrypted_key = ${expression} WHERE id = $1`, [
        id,
      ]);
    await database.dataSource.query(
      `UPDATE api_keys SET base_url = 'https://x.example' WHERE id = $1`,
      [moved!.id],
    );
    await change(cut!.id, `left(encrypted_key, 79)`);
    await change(strange!.id, `overlay(encrypted_key PLACING '00000000' FROM 4 FOR 8)`);
    const before = [await envelopes(), await dataKeyIds()];
    await expect(node.rotation.rotate(workspaceId)).rejects.toMatchObject({
      code: 'unprocessable',
      options: {
        extensions: { unreadableIds: [moved!.id, cut!.id, strange!.id].sort() },
      },
    });
    expect([await envelopes(), await dataKeyIds()]).toEqual(before);
    expect(await node.open(fine!)).toBe(fine!.secret);
  });

  it('changes nothing when a row does not take its new envelope', async () => {
    const saved = await node.save(workspaceId);
    const before = [await envelopes(), await dataKeyIds()];
    jest.spyOn(node.secrets, 'replace').mockResolvedValueOnce(0);
    await expect(node.rotation.rotate(workspaceId)).rejects.toThrow('changed during rotation');
    expect([await envelopes(), await dataKeyIds()]).toEqual(before);
    await expectAllToOpen([saved]);
  });

  it('refuses a workspace without a data key', async () => {
    const unknown = '00000000-0000-7000-8000-000000000000';
    await expect(node.rotation.rotate(unknown)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('is done for every workspace, leaving those that refuse or are deleted meanwhile', async () => {
    const saved = await node.addWorkspaces(3);
    const stuck = await node.save(workspaceId);
    await database.dataSource.query(
      `UPDATE api_keys SET base_url = 'https://x.example' WHERE id = $1`,
      [stuck.id],
    );
    const [before] = [await dataKeyIds()];
    const gone = '00000000-0000-7000-8000-000000000000';
    const ids = await node.store.listWorkspaceIds();
    jest.spyOn(node.store, 'listWorkspaceIds').mockResolvedValueOnce([...ids, gone]);
    const { rotated, refused } = await node.rotation.rotateAll();
    expect(rotated).toBe(3);
    expect(refused).toEqual([
      {
        workspaceId,
        reason: '1 saved keys or webhook secrets do not open. Replace or delete them first.',
      },
    ]);
    expect(await dataKeyIds()).toEqual(before);
    await expectAllToOpen(saved);
  });

  it('stops when the key service cannot be asked', async () => {
    await node.save(workspaceId);
    jest.spyOn(node.keyEncryption, 'wrap').mockRejectedValue(new KeyServiceUnavailable('denied'));
    await expect(node.rotation.rotateAll()).rejects.toMatchObject({ fault: 'denied' });
    jest.restoreAllMocks();
  });

  it('loses no secret that is saved, and fails no read, while it happens over and over', async () => {
    const saved: SavedSecret[] = [await node.save(workspaceId)];
    const nodes = [node, anotherNode(), anotherNode()];
    let isRotating = true;
    const write = async (writer: VaultNode) => {
      while (isRotating) saved.push(await writer.save(workspaceId));
    };
    const read = async (reader: VaultNode) => {
      while (isRotating) {
        const secret = saved[Math.floor(Math.random() * saved.length)]!;
        reader.dataKeys.evict(workspaceId);
        expect(await reader.open(secret)).toBe(secret.secret);
      }
    };
    const load = Promise.all([...nodes.map(write), ...nodes.map(read)]);
    for (let round = 0; round < 25; round += 1)
      await nodes[round % 3]!.rotation.rotate(workspaceId);
    isRotating = false;
    await load;
    expect(saved.length).toBeGreaterThan(25);
    await expectAllToOpen(saved);
    expect(await dataKeyIds()).toHaveLength(1);
  });

  it('is done one after the other when two nodes ask at once', async () => {
    const saved = await node.save(workspaceId);
    const other = anotherNode();
    const results = await Promise.all([
      node.rotation.rotate(workspaceId),
      other.rotation.rotate(workspaceId),
    ]);
    expect(new Set(results.map(({ id }) => id)).size).toBe(2);
    const [left, ...surplus] = await dataKeyIds();
    expect(surplus).toEqual([]);
    expect(results.map(({ id }) => id)).toContain(left);
    await expectAllToOpen([saved]);
  });
});

describe('the inspection of keys', () => {
  const [rootKey, former] = [newRootKey(), newRootKey()];
  let database: TestDatabase;

  beforeEach(async () => {
    database = await createTestDatabase();
  });

  afterEach(async () => {
    await database.drop();
  });

  it('counts data keys per root key and says which are configured', async () => {
    await VaultNode.local(database, former).addWorkspaces(2);
    const node = VaultNode.local(database, rootKey);
    await node.addWorkspace();
    const status = await node.inspection.status();
    expect(status).toMatchObject({
      activeRootKeyId: rootKey.id,
      configuredRootKeyIds: [rootKey.id],
    });
    const facts = status.rootKeys.map(
      ({ rootKeyId, scheme, dataKeys, isActive, isConfigured }) => ({
        rootKeyId,
        scheme,
        dataKeys,
        isActive,
        isConfigured,
      }),
    );
    expect(facts).toHaveLength(2);
    expect(facts).toEqual(
      expect.arrayContaining([
        { rootKeyId: rootKey.id, scheme: 'local', dataKeys: 1, isActive: true, isConfigured: true },
        {
          rootKeyId: former.id,
          scheme: 'local',
          dataKeys: 2,
          isActive: false,
          isConfigured: false,
        },
      ]),
    );
    for (const { oldest, newest } of status.rootKeys) {
      expect(Date.now() - oldest.getTime()).toBeLessThan(60_000);
      expect(newest.getTime()).toBeGreaterThanOrEqual(oldest.getTime());
    }
  });

  it('opens everything, names what does not open and marks it until it opens again', async () => {
    const node = VaultNode.local(database, rootKey);
    const [fine, moved, orphan] = await node.addWorkspaces(3);
    await database.dataSource.query(`UPDATE api_keys SET health = 'active'`);
    const edit = async (baseUrl: string | null) =>
      database.dataSource.query(`UPDATE api_keys SET base_url = $2 WHERE id = $1`, [
        moved!.id,
        baseUrl,
      ]);
    await edit('https://attacker.example');
    await database.dataSource.query(
      `UPDATE workspace_data_keys SET wrapped = left(wrapped, 60) WHERE workspace_id = $1`,
      [orphan!.workspaceId],
    );
    const checker = VaultNode.local(database, rootKey);
    const found = await checker.inspection.verify();
    expect(found).toMatchObject({
      dataKeys: 3,
      secrets: 3,
      unreadableDataKeys: [{ workspaceId: orphan!.workspaceId, reason: 'malformed' }],
    });
    expect(found.unreadableSecrets).toEqual([
      { rowId: moved!.id, workspaceId: moved!.workspaceId, reason: 'auth_failed' },
      { rowId: orphan!.id, workspaceId: orphan!.workspaceId, reason: 'malformed' },
    ]);
    const health = async () => {
      const rows = await database.dataSource.query<{ health: string }[]>(
        `SELECT health FROM api_keys ORDER BY id`,
      );
      return rows.map((row) => row.health);
    };
    expect(await health()).toEqual(['active', 'unreadable', 'unreadable']);
    expect(await checker.secrets.countUnreadable()).toBe(2);
    await edit(null);
    await checker.inspection.verify();
    expect(await health()).toEqual(['active', 'untested', 'unreadable']);
    expect(await node.open(fine!)).toBe(fine!.secret);
  });

  it('calls nothing unreadable because it cannot ask', async () => {
    const node = VaultNode.local(database, rootKey);
    await node.addWorkspaces(1);
    jest.spyOn(node.keyEncryption, 'unwrap').mockRejectedValue(new Error('key service down'));
    await expect(node.inspection.verify()).rejects.toThrow('key service down');
    expect(await node.secrets.countUnreadable()).toBe(0);
  });
});
