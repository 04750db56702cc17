import { CompositeKeyEncryption, LocalKeyEncryption, type RewrapProgress } from '../../src/crypto';
import { RemoteKeyEncryption, VaultTransitClient } from '../../src/crypto';
import { Secret } from '../../src/common';
import { runRequest } from '../../src/database';
import { VaultServer } from '../support/key-services';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { newRootKey, storeOf, VaultNode } from '../support/vault-node';

describe('the change of the root key', () => {
  const [oldKey, newKey] = [newRootKey(), newRootKey()];
  let database: TestDatabase;
  let before: VaultNode;
  let after: VaultNode;

  beforeEach(async () => {
    database = await createTestDatabase();
    before = VaultNode.local(database, oldKey);
    after = VaultNode.local(database, newKey, oldKey);
    await before.crypto.verifyRootKey();
  });

  afterEach(async () => {
    await after.dataKeys.onModuleDestroy();
    await database.drop();
  });

  /** Number of data keys per root key id. */
  async function uses(): Promise<Record<string, number>> {
    const found = await after.store.listUses();
    return Object.fromEntries(found.map(({ rootKeyId, dataKeys }) => [rootKeyId, dataKeys]));
  }

  /** How many data keys each event of the audit trail tells of. */
  async function events(): Promise<number[]> {
    const rows = await database.dataSource.query<{ dataKeys: number }[]>(
      `SELECT (details->>'dataKeys')::integer AS "dataKeys" FROM audit_events
        WHERE workspace_id IS NULL AND action = 'root-key.rotated' ORDER BY sequence`,
    );
    return rows.map(({ dataKeys }) => dataKeys);
  }

  async function edit(text: string, parameters: unknown[]): Promise<void> {
    await database.dataSource.query(text, parameters);
  }

  it('re-wraps all in batches, shows progress, and is done when it is repeated', async () => {
    const saved = await before.addWorkspaces(1_100);
    const progress: RewrapProgress[] = [];
    const result = await after.rewrap.run({ onProgress: (step) => progress.push(step) });
    expect(result).toMatchObject({ rewrapped: 1_101, unreadable: [], left: 0 });
    expect(progress.map(({ done, total }) => [done, total])).toEqual([
      [500, 1_101],
      [1_000, 1_101],
      [1_101, 1_101],
    ]);
    expect(progress.every(({ perSecond }) => perSecond > 0)).toBe(true);
    expect(await uses()).toEqual({ [newKey.id]: 1_101 });
    const alone = VaultNode.local(database, newKey);
    await alone.crypto.verifyRootKey();
    for (const secret of saved.slice(0, 50)) expect(await alone.open(secret)).toBe(secret.secret);
    expect(await after.rewrap.run()).toMatchObject({ rewrapped: 0, left: 0 });
  });

  it('goes on where a run that died has stopped', async () => {
    await before.addWorkspaces(30);
    const death = new Error('killed');
    const dying = after.rewrap.run({
      batch: 10,
      onProgress: () => {
        throw death;
      },
    });
    await expect(dying).rejects.toBe(death);
    expect(await uses()).toEqual({ [newKey.id]: 10, [oldKey.id]: 21 });
    expect(await events()).toEqual([10]);
    expect(await after.rewrap.run({ batch: 10 })).toMatchObject({ rewrapped: 21, left: 0 });
    expect(await events()).toEqual([10, 10, 10, 1]);
  });

  it('is done by several runs together, each row once', async () => {
    await before.addWorkspaces(300);
    const nodes = Array.from({ length: 4 }, () => VaultNode.local(database, newKey, oldKey));
    const results = await Promise.all(
      nodes.map((node) => node.rewrap.run({ batch: 20, idlePauseMs: 10 })),
    );
    expect(results.map(({ left }) => left)).toEqual([0, 0, 0, 0]);
    const together = results.reduce((sum, { rewrapped }) => sum + rewrapped, 0);
    expect(together).toBe(301);
    expect(await uses()).toEqual({ [newKey.id]: 301 });
  });

  it('reports what does not open, changes nothing of it and finishes the rest', async () => {
    const saved = await before.addWorkspaces(5);
    const [moved, cut, strange] = saved.map(({ workspaceId }) => workspaceId);
    await edit(
      `UPDATE workspace_data_keys SET wrapped = (SELECT wrapped FROM workspace_data_keys
        WHERE workspace_id = $1) WHERE workspace_id = $2`,
      [saved[4]!.workspaceId, moved],
    );
    await edit(
      `UPDATE workspace_data_keys SET wrapped = left(wrapped, 60) WHERE workspace_id = $1`,
      [cut],
    );
    const stranger = newRootKey();
    await edit(
      `UPDATE workspace_data_keys SET wrapped = replace(wrapped, $2, $3), root_key_id = $3
        WHERE workspace_id = $1`,
      [strange, oldKey.id, stranger.id],
    );
    const result = await after.rewrap.run({ batch: 2 });
    expect(result).toMatchObject({ rewrapped: 3, left: 0 });
    const reasons = result.unreadable.map(({ workspaceId, reason }) => [workspaceId, reason]);
    expect(reasons.sort()).toEqual(
      [
        [moved, 'auth_failed'],
        [cut, 'malformed'],
        [strange, 'root_key_unknown'],
      ].sort(),
    );
    expect(await uses()).toEqual({ [newKey.id]: 3, [oldKey.id]: 2, [stranger.id]: 1 });
  });

  it('says how many rows another transaction would not let go', async () => {
    const [locked] = await before.addWorkspaces(3);
    await database.dataSource.transaction(async (holder) => {
      await holder.query(`SELECT 1 FROM workspace_data_keys WHERE workspace_id = $1 FOR UPDATE`, [
        locked!.workspaceId,
      ]);
      const result = await after.rewrap.run({ idlePauseMs: 1 });
      expect(result).toMatchObject({ rewrapped: 3, left: 1 });
    });
    expect(await after.rewrap.run()).toMatchObject({ rewrapped: 1, left: 0 });
  });

  it('waits for rows that another run holds', async () => {
    const [locked] = await before.addWorkspaces(3);
    let running: Promise<unknown> = Promise.resolve();
    await database.dataSource.transaction(async (holder) => {
      await holder.query(`SELECT 1 FROM workspace_data_keys WHERE workspace_id = $1 FOR UPDATE`, [
        locked!.workspaceId,
      ]);
      const others = new Promise<void>((resolve) => {
        running = after.rewrap.run({
          onProgress: () => {
            resolve();
          },
        });
      });
      await others;
    });
    expect(await running).toMatchObject({ rewrapped: 4, left: 0 });
  });

  it('refuses to retire a root key while a data key needs it', async () => {
    await before.addWorkspaces(2);
    const refusal = (id: string) =>
      after.inspection.assertRetirable(id).then(
        () => 'retirable',
        (error: unknown) => (error as Error).message,
      );
    expect(await refusal(oldKey.id)).toContain('3 data keys still need');
    expect(await refusal(newKey.id)).toContain('is the active root key');
    // A column that lies does not make it retirable, nor hide the row from re-wrapping.
    await edit(`UPDATE workspace_data_keys SET root_key_id = $1`, [newKey.id]);
    expect(await refusal(oldKey.id)).toContain('3 data keys still need');
    expect(await after.rewrap.run()).toMatchObject({ rewrapped: 3 });
    expect(await refusal(oldKey.id)).toBe('retirable');
  });

  it('moves data keys from the server to a key service and back by the same re-wrapping', async () => {
    const vault = await new VaultServer().listen();
    try {
      const options = {
        address: vault.url,
        mount: vault.mount,
        key: vault.addKey('keyrun'),
        readToken: () => new Secret(vault.token),
      };
      const remote = new RemoteKeyEncryption(new VaultTransitClient(options));
      const local = new LocalKeyEncryption(oldKey);
      const saved = await before.addWorkspaces(40);
      const there = new VaultNode(database, new CompositeKeyEncryption(remote, [local]));
      expect(await there.rewrap.run({ batch: 15 })).toMatchObject({ rewrapped: 41 });
      await expect(there.inspection.assertRetirable(oldKey.id)).resolves.toBeUndefined();
      const withoutLocal = new VaultNode(database, remote);
      for (const secret of saved) expect(await withoutLocal.open(secret)).toBe(secret.secret);

      const back = new VaultNode(database, new CompositeKeyEncryption(local, [remote]));
      vault.next.push(...Array<'normal'>(20).fill('normal'), 'failing');
      await expect(back.rewrap.run({ batch: 15 })).rejects.toMatchObject({ fault: 'failed' });
      expect(await uses()).toEqual({ [oldKey.id]: 15, [remote.activeKeyId]: 26 });
      const again = new VaultNode(
        database,
        new CompositeKeyEncryption(local, [
          new RemoteKeyEncryption(new VaultTransitClient(options)),
        ]),
      );
      expect(await again.rewrap.run()).toMatchObject({ rewrapped: 26, left: 0 });
      for (const secret of saved) expect(await before.open(secret)).toBe(secret.secret);
    } finally {
      await vault.close();
    }
  });

  describe('while data keys are read', () => {
    it('re-wraps what is opened, once', async () => {
      const [first, second] = await before.addWorkspaces(2);
      expect(await after.open(first!)).toBe(first!.secret);
      await after.dataKeys.onModuleDestroy();
      expect(await uses()).toEqual({ [newKey.id]: 1, [oldKey.id]: 2 });
      await VaultNode.local(database, newKey).open(first!);
      expect(await before.open(second!)).toBe(second!.secret);
    });

    it('re-wraps as the server, in whoever’s request it happens to run', async () => {
      const [saved] = await before.addWorkspaces(1);
      const store = storeOf(database);
      const stored = (await store.findActive(saved!.workspaceId))!;
      const context = { workspaceId: saved!.workspaceId, dataKeyId: stored.id };
      const wrapped = await after.keyEncryption.wrap(
        await before.keyEncryption.unwrap(stored.wrapped, context),
        context,
      );
      const replacement = { wrapped, rootKeyId: newKey.id };
      expect(await runRequest(() => store.replaceWrapped(stored, replacement))).toBe(true);
      expect(await uses()).toEqual({ [newKey.id]: 1, [oldKey.id]: 1 });
    });

    it('leaves alone what was changed meanwhile', async () => {
      const [saved] = await before.addWorkspaces(1);
      let renewed: unknown;
      const wrappedTexts = () =>
        database.dataSource.query(`SELECT id, wrapped FROM workspace_data_keys ORDER BY id`);
      const slow = new LocalKeyEncryption(newKey, [oldKey]);
      const wrap = slow.wrap.bind(slow);
      jest.spyOn(slow, 'wrap').mockImplementation(async (bytes, context) => {
        await after.rewrap.run();
        renewed = await wrappedTexts();
        return wrap(bytes, context);
      });
      const node = new VaultNode(database, slow);
      expect(await node.open(saved!)).toBe(saved!.secret);
      await node.dataKeys.onModuleDestroy();
      expect(await uses()).toEqual({ [newKey.id]: 2 });
      expect(await wrappedTexts()).toEqual(renewed);
      expect(await VaultNode.local(database, newKey).open(saved!)).toBe(saved!.secret);
    });

    it('fails no read when it cannot re-wrap', async () => {
      const [saved, other] = await before.addWorkspaces(2);
      const broken = new LocalKeyEncryption(newKey, [oldKey]);
      jest.spyOn(broken, 'wrap').mockRejectedValueOnce(new Error('key service down'));
      const node = new VaultNode(database, broken);
      expect(await node.open(saved!)).toBe(saved!.secret);
      await node.dataKeys.onModuleDestroy();
      expect((await uses())[newKey.id]).toBeUndefined();
      expect(await node.open(other!)).toBe(other!.secret);
      await node.dataKeys.onModuleDestroy();
      expect((await uses())[newKey.id]).toBe(1);
    });
  });
});
