import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';

import { Inject, Injectable, type OnModuleDestroy, Optional } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { v7 } from 'uuid';

import { CryptoRefused } from './crypto.errors';
import { DataKeyStore, type StoredDataKey } from './data-key.store';
import { DATA_KEY_BYTES, KeyEncryption } from './key-encryption.interface';
import { MonotonicClock, OpenedKeyCache } from './opened-key-cache';
import { LazyRewrap } from './rotation/lazy-rewrap';

/** An opened data key. Printing it shows no key byte. */
export interface DataKey {
  readonly id: string;
  readonly key: KeyObject;
}

/**
 * The data keys, opened. Opened ones are cached for at most 5 minutes, at most 1,000 of them, the least recently used
 * leaving first; failures are not cached. Workspace null is the server itself.
 */
@Injectable()
export class DataKeys implements OnModuleDestroy {
  readonly #cache: OpenedKeyCache<DataKey>;
  readonly #lazyRewrap: LazyRewrap;
  readonly #evictionListeners: ((workspaceId: string | null) => void)[] = [];

  constructor(
    @Inject(KeyEncryption) private readonly keyEncryption: KeyEncryption,
    @Inject(DataKeyStore) private readonly store: DataKeyStore,
    @Optional() @Inject(MonotonicClock) now?: MonotonicClock,
  ) {
    this.#cache = new OpenedKeyCache(now ?? (() => performance.now()));
    this.#lazyRewrap = new LazyRewrap(keyEncryption, store);
  }

  /**
   * Makes the workspace's data key. Should another node have been first, that node's key is returned. The new key is
   * not cached, because the transaction may still roll back.
   */
  async create(workspaceId: string | null, transaction?: EntityManager): Promise<DataKey> {
    const bytes = randomBytes(DATA_KEY_BYTES);
    try {
      const id = v7();
      const wrapped = await this.keyEncryption.wrap(bytes, { workspaceId, dataKeyId: id });
      const rootKeyId = this.keyEncryption.activeKeyId;
      const stored = await this.store.insert({ id, workspaceId, rootKeyId, wrapped }, transaction);
      return stored ? { id, key: createSecretKey(bytes) } : await this.active(workspaceId);
    } finally {
      bytes.fill(0);
    }
  }

  /**
   * The data key for sealing. Which one that is, is read from the store every time.
   * @param transaction as in {@link DataKeyStore.findActive}
   * @throws CryptoRefused `data_key_missing` if the workspace has none, or as {@link KeyEncryption.unwrap}
   */
  async active(workspaceId: string | null, transaction?: EntityManager): Promise<DataKey> {
    const stored = await this.store.findActive(workspaceId, transaction);
    if (stored === null) throw new CryptoRefused('data_key_missing');
    return this.#cached(workspaceId, stored.id, () => this.#open(workspaceId, stored));
  }

  /** The server's own data key for sealing, made if there is none yet. Any number of nodes may call it at once. */
  async system(): Promise<DataKey> {
    const stored = await this.store.findActive(null);
    if (stored === null) return this.create(null);
    return this.#cached(null, stored.id, () => this.#open(null, stored));
  }

  /**
   * The data key for opening. If it is cached, the store is not asked.
   * @throws CryptoRefused `data_key_missing` if the workspace has no such data key, or as {@link KeyEncryption.unwrap}
   */
  byId(workspaceId: string | null, dataKeyId: string): Promise<DataKey> {
    return this.#cached(workspaceId, dataKeyId, async () => {
      const stored = await this.store.findById(workspaceId, dataKeyId);
      if (stored === null) throw new CryptoRefused('data_key_missing');
      return this.#open(workspaceId, stored);
    });
  }

  /**
   * Destroys the workspace's data keys: everything sealed under them becomes unreadable. Call {@link evict} after the
   * transaction has committed.
   */
  async destroy(workspaceId: string, transaction: EntityManager): Promise<void> {
    await this.store.deleteAll(workspaceId, transaction);
  }

  /**
   * Forgets the workspace's opened data keys on this node, those being unwrapped included. Call it when the workspace
   * is deleted or its data key rotated.
   */
  evict(workspaceId: string | null): void {
    this.#cache.evict(workspaceId);
    for (const listener of this.#evictionListeners) listener(workspaceId);
  }

  /** Calls the listener at each {@link evict}: what a data key opened is to be forgotten with it. */
  onEviction(listener: (workspaceId: string | null) => void): void {
    this.#evictionListeners.push(listener);
  }

  /** Resolves when the data keys opened so far are re-wrapped, if they had to be. */
  async onModuleDestroy(): Promise<void> {
    await this.#lazyRewrap.settled();
  }

  #cached(
    workspaceId: string | null,
    dataKeyId: string,
    load: () => Promise<DataKey>,
  ): Promise<DataKey> {
    return this.#cache.get(workspaceId, `${workspaceId ?? 'system'}/${dataKeyId}`, load);
  }

  /** Unwraps under the workspace that was asked for, whatever the row claims: a copied row is refused. */
  async #open(workspaceId: string | null, stored: StoredDataKey): Promise<DataKey> {
    const { id, wrapped } = stored;
    const bytes = await this.keyEncryption.unwrap(wrapped, { workspaceId, dataKeyId: id });
    try {
      if (bytes.length !== DATA_KEY_BYTES) throw new CryptoRefused('malformed');
      const key = createSecretKey(bytes);
      this.#lazyRewrap.note({ ...stored, workspaceId }, key);
      return { id, key };
    } finally {
      bytes.fill(0);
    }
  }
}
