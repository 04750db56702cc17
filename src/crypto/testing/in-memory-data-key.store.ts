import type { DataKeyStore, StoredDataKey } from '../data-key.store';

/** A data key store without a database, with writable rows so that a test can play the attacker with SQL access. */
export class InMemoryDataKeyStore implements DataKeyStore {
  readonly rows: StoredDataKey[] = [];
  reads = 0;

  // The first row of a workspace is its active data key.
  findActive(workspaceId: string | null): Promise<StoredDataKey | null> {
    this.reads += 1;
    return Promise.resolve(this.#activeOf(workspaceId));
  }

  findById(workspaceId: string | null, dataKeyId: string): Promise<StoredDataKey | null> {
    this.reads += 1;
    const row = this.rows.find((key) => key.workspaceId === workspaceId && key.id === dataKeyId);
    return Promise.resolve(row ?? null);
  }

  insert(key: StoredDataKey): Promise<boolean> {
    const free = this.#activeOf(key.workspaceId) === null;
    if (free) this.rows.push(key);
    return Promise.resolve(free);
  }

  replaceWrapped(
    key: StoredDataKey,
    replacement: Pick<StoredDataKey, 'rootKeyId' | 'wrapped'>,
  ): Promise<boolean> {
    const index = this.rows.findIndex((row) => row.id === key.id && row.wrapped === key.wrapped);
    const row = this.rows[index];
    if (row !== undefined) this.rows[index] = { ...row, ...replacement };
    return Promise.resolve(row !== undefined);
  }

  deleteAll(workspaceId: string): Promise<void> {
    const kept = this.rows.filter((key) => key.workspaceId !== workspaceId);
    this.rows.splice(0, this.rows.length, ...kept);
    return Promise.resolve();
  }

  listRootKeyIds(): Promise<{ rootKeyId: string; dataKeys: number }[]> {
    const counts = new Map<string, number>();
    for (const { rootKeyId } of this.rows) counts.set(rootKeyId, (counts.get(rootKeyId) ?? 0) + 1);
    return Promise.resolve([...counts].map(([rootKeyId, dataKeys]) => ({ rootKeyId, dataKeys })));
  }

  #activeOf(workspaceId: string | null): StoredDataKey | null {
    return this.rows.find((key) => key.workspaceId === workspaceId) ?? null;
  }
}
