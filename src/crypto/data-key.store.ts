import type { EntityManager } from 'typeorm';

/** A data key as it is stored: wrapped, hence useless without its root key. */
export interface StoredDataKey {
  /** UUIDv7. */
  readonly id: string;
  /** Null: the server's own data key. */
  readonly workspaceId: string | null;
  /** Root key that wraps it; for counting only, unwrapping goes by the id inside `wrapped`. */
  readonly rootKeyId: string;
  /** `w1:<scheme>:<root key id>:<payload>`. */
  readonly wrapped: string;
}

/** Where wrapped data keys are kept. At most one data key per workspace, and one of the server, is active. */
export interface DataKeyStore {
  /**
   * The data key that seals new secrets of the workspace; null if it has none.
   * @param transaction keeps the data key from being replaced until the transaction ends, so that what is sealed under
   * it and stored in the same transaction is there for a rotation to find
   */
  findActive(
    workspaceId: string | null,
    transaction?: EntityManager,
  ): Promise<StoredDataKey | null>;

  /** Active or not; null if this workspace has no data key of that id. */
  findById(workspaceId: string | null, dataKeyId: string): Promise<StoredDataKey | null>;

  /**
   * Stores a new active data key, atomically.
   * @param transaction joins the caller's transaction; without it, one of its own
   * @returns false, with nothing stored and the transaction still usable, if the workspace (or, for null, the server)
   * already has an active data key; the winner is then visible to `findActive`. In SQL that is ON CONFLICT DO NOTHING
   * and a unique index that also holds for null, which plain unique indexes let in any number of times
   */
  insert(key: StoredDataKey, transaction?: EntityManager): Promise<boolean>;

  /**
   * Puts the same data key, wrapped under another root key, in the place of `key`.
   * @returns false, with nothing changed, if it is no longer stored exactly as `key` says
   */
  replaceWrapped(
    key: StoredDataKey,
    replacement: Pick<StoredDataKey, 'rootKeyId' | 'wrapped'>,
  ): Promise<boolean>;

  /** Deletes every data key of the workspace, within the transaction that deletes the workspace. */
  deleteAll(workspaceId: string, transaction: EntityManager): Promise<void>;

  /** Every root key id that a stored data key refers to, over all workspaces, with the number of its data keys. */
  listRootKeyIds(): Promise<{ rootKeyId: string; dataKeys: number }[]>;
}

export const DataKeyStore = Symbol('DataKeyStore');
