import { randomBytes } from 'node:crypto';
import { v7 } from 'uuid';
import { type ContentSealer, ContentKeySecrets, ExecutionContent } from '../../src/content';
import { ContentKeys, DataKeyRotation, KeyInspection, type MonotonicClock } from '../../src/crypto';
import { TenantDatabase, runRequest } from '../../src/database';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { newRootKey, VaultNode } from '../support/vault-node';

const TEXT = JSON.stringify({ messages: [{ role: 'user', content: 'Wer bist du? '.repeat(200) }] });

describe('the content of executions', () => {
  const rootKey = newRootKey();
  const place = { executionId: v7(), field: 'output' } as const;
  let database: TestDatabase;
  let vault: VaultNode;
  let content: ExecutionContent;
  let rotation: DataKeyRotation;
  let workspaceId: string;
  let sealed: Buffer;

  beforeEach(async () => {
    database = await createTestDatabase();
    vault = VaultNode.local(database, rootKey);
    await vault.crypto.verifyRootKey();
    workspaceId = await vault.addWorkspace();
    content = contentOf(vault);
    const stores = [vault.secrets, new ContentKeySecrets(database.definer)];
    rotation = new DataKeyRotation(vault.dataKeys, vault.store, vault.keyEncryption, stores);
    sealed = (await content.sealer(workspaceId)).seal(TEXT, place);
  });

  afterEach(async () => {
    await database.drop();
  });

  function contentOf(node: VaultNode, now?: MonotonicClock): ExecutionContent {
    return new ExecutionContent(node.tenants, new ContentKeys(node.dataKeys, now));
  }

  const freshContent = () => contentOf(VaultNode.local(database, rootKey));

  const openFresh = async (from = place, workspace = workspaceId) =>
    (await freshContent().sealer(workspace)).open(sealed, from);

  const contentKeys = () =>
    database.dataSource.query<{ id: string; workspaceId: string; envelope: string }[]>(
      `SELECT id, workspace_id AS "workspaceId", encrypted_key AS envelope FROM content_keys
        ORDER BY id`,
    );

  it('opens on every node, for exactly the place it was sealed for', async () => {
    expect(await openFresh()).toBe(TEXT);
    const elsewhere = [
      { ...place, executionId: v7() },
      { ...place, field: 'request' as 'output' },
    ];
    for (const other of elsewhere) {
      await expect(openFresh(other)).rejects.toMatchObject({ code: 'auth_failed' });
    }
    const foreign = await vault.addWorkspace();
    await expect(openFresh(place, foreign)).rejects.toMatchObject({ code: 'data_key_missing' });
    sealed[sealed.length - 20]! ^= 1;
    await expect(openFresh()).rejects.toMatchObject({ code: 'auth_failed' });
  });

  it('does not open by a content key that was copied into another workspace', async () => {
    const foreign = await vault.addWorkspace();
    await database.dataSource.query(`UPDATE content_keys SET workspace_id = $1`, [foreign]);
    await expect(openFresh(place, foreign)).rejects.toMatchObject({ code: 'data_key_missing' });
  });

  it('keeps lone surrogates, NUL and long texts', async () => {
    const sealer = await content.sealer(workspaceId);
    const random = randomBytes(3_000_000).toString('base64');
    for (const text of ['', 'a\0b', '\uD83D', `"\uDC00${TEXT}`, '🔑\u2028', random]) {
      const stored = await database.dataSource.query<{ bytes: Buffer }[]>(
        `SELECT $1::bytea AS bytes`,
        [sealer.seal(text, place)],
      );
      expect(sealer.open(stored[0]!.bytes, place) === text).toBe(true);
    }
  });

  it('is sealed under one key, when nodes make the first one at once', async () => {
    const fresh = await vault.addWorkspace();
    const gate = database.dataSource.createQueryRunner();
    await gate.query(`BEGIN; LOCK TABLE content_keys IN SHARE ROW EXCLUSIVE MODE`);
    const sealing = Promise.all([1, 2, 3].map(() => freshContent().sealer(fresh)));
    for (let waiting = 0; waiting < 3;) {
      const [row] = await gate.manager.query<[{ waiting: number }]>(
        `SELECT count(*)::integer AS waiting FROM pg_locks WHERE NOT granted
          AND relation = 'content_keys'::regclass`,
      );
      waiting = row.waiting;
    }
    await gate.query(`COMMIT`);
    await gate.release();
    const texts = (await sealing).map((sealer) => sealer.seal(TEXT, place));
    const reader = await freshContent().sealer(fresh);
    for (const text of texts) expect(reader.open(text, place)).toBe(TEXT);
    const keys = await contentKeys();
    expect(keys.filter((key) => key.workspaceId === fresh)).toHaveLength(1);
  });

  it('stays readable when the data key is changed, and that seals one secret again', async () => {
    await vault.save(workspaceId);
    const [before] = await contentKeys();
    expect(await rotation.rotate(workspaceId)).toMatchObject({ secrets: 1 });
    const [after] = await contentKeys();
    expect(after!.id).toBe(before!.id);
    expect(after!.envelope).not.toBe(before!.envelope);
    expect(await openFresh()).toBe(TEXT);
    expect((await content.sealer(workspaceId)).open(sealed, place)).toBe(TEXT);
    await database.dataSource.query(`UPDATE content_keys SET encrypted_key = $1`, [
      before!.envelope,
    ]);
    await expect(openFresh()).rejects.toMatchObject({ code: 'data_key_missing' });
  });

  it('loses nothing while the data key is changed over and over', async () => {
    const workspaces = [];
    for (let count = 0; count < 12; count += 1) workspaces.push(await vault.addWorkspace());
    const sealings = workspaces.map(async (id) => {
      const [text] = await Promise.all([
        freshContent()
          .sealer(id)
          .then((sealer) => sealer.seal(TEXT, place)),
        freshContent().sealer(id),
        rotation.rotate(id),
        rotation.rotate(id),
      ]);
      return { id, text };
    });
    for (const { id, text } of await Promise.all(sealings)) {
      expect((await freshContent().sealer(id)).open(text, place)).toBe(TEXT);
    }
  });

  it('is unreadable once the workspace is deleted', async () => {
    await vault.tenants.write(workspaceId, async (manager) => {
      await vault.dataKeys.destroy(workspaceId, manager);
      await manager.query(`DELETE FROM workspaces WHERE id = $1`, [workspaceId]);
    });
    vault.dataKeys.evict(workspaceId);
    expect(await contentKeys()).toEqual([]);
    for (const node of [content, freshContent()]) {
      await expect(node.sealer(workspaceId)).rejects.toMatchObject({ code: 'data_key_missing' });
    }
  });

  it('can be sealed in a request whose token no longer has a grant', async () => {
    const sealer = await runRequest(() => freshContent().sealer(workspaceId));
    expect(sealer.open(sealed, place)).toBe(TEXT);
  });

  it('asks the database once in five minutes, and not for a sealer that is held', async () => {
    let now = 0;
    const node = contentOf(vault, () => now);
    const reads = jest.spyOn(TenantDatabase.prototype, 'writeAsServer');
    const sealers: ContentSealer[] = [];
    for (now = 0; now < 300_000; now += 60_000) sealers.push(await node.sealer(workspaceId));
    expect(reads).toHaveBeenCalledTimes(1);
    await node.sealer(workspaceId);
    expect(reads).toHaveBeenCalledTimes(2);
    reads.mockRestore();
    await database.runtime.destroy();
    expect(sealers[0]!.open(sealed, place)).toBe(TEXT);
    now += 300_000;
    await expect(node.sealer(workspaceId)).rejects.toThrow();
  });

  it('is made, not planted: the column takes nothing but an envelope of 32 bytes', async () => {
    const [{ envelope } = { envelope: '' }] = await contentKeys();
    const saved = await vault.save(workspaceId, 'sk-of-another-length');
    const [{ planted }] = await database.dataSource.query<[{ planted: string }]>(
      `SELECT encrypted_key AS planted FROM api_keys WHERE id = $1`,
      [saved.id],
    );
    for (const text of ['plaintext', randomBytes(32).toString('hex'), `${envelope}A`, planted]) {
      const change = database.dataSource.query(`UPDATE content_keys SET encrypted_key = $1`, [
        text,
      ]);
      await expect(change).rejects.toThrow('content_keys_encrypted_key');
    }
  });

  it('never opens a provider key, not even one of the same length in its place', async () => {
    const saved = await vault.save(workspaceId, 'x'.repeat(32));
    await database.dataSource.query(
      `UPDATE content_keys SET encrypted_key = (SELECT encrypted_key FROM api_keys WHERE id = $1)`,
      [saved.id],
    );
    await expect(openFresh()).rejects.toMatchObject({ code: 'auth_failed' });
    await expect(rotation.rotate(workspaceId)).rejects.toThrow('content key does not open');
    expect(await vault.open(saved)).toBe(saved.secret);
  });

  it('is part of the verification of all keys', async () => {
    const id = (await contentKeys())[0]!.id;
    const stores = [new ContentKeySecrets(database.definer)];
    const { keyEncryption, store, crypto } = vault;
    const inspection = new KeyInspection(keyEncryption, store, crypto, stores);
    expect(await inspection.verify()).toMatchObject({ secrets: 1, unreadableSecrets: [] });
    await database.dataSource.query(
      `UPDATE content_keys SET encrypted_key = overlay(encrypted_key PLACING 'AAAA' FROM 60 FOR 4)`,
    );
    expect(await inspection.verify()).toMatchObject({
      secrets: 1,
      unreadableSecrets: [{ rowId: id, workspaceId, reason: 'auth_failed' }],
    });
  });
});
