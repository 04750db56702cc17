import type { KeyObject } from 'node:crypto';

import { Logger } from '@nestjs/common';

import type { DataKeyStore, StoredDataKey } from '../data-key.store';
import type { KeyEncryption } from '../key-encryption.interface';
import { parseWrappedDataKey } from '../wrapped-data-key';

/** Data keys that may wait. One that finds no place is re-wrapped when it is opened the next time. */
const WAITING_LIMIT = 1_000;

interface Waiting {
  readonly stored: StoredDataKey;
  readonly key: KeyObject;
}

/**
 * Re-wraps data keys under the active root key as they are opened: one after the other, behind the reader's back. A
 * failure costs nothing but the re-wrapping.
 */
export class LazyRewrap {
  readonly #waiting = new Map<string, Waiting>();
  readonly #logger = new Logger('LazyRewrap');
  #draining: Promise<void> | null = null;

  constructor(
    private readonly keyEncryption: KeyEncryption,
    private readonly store: DataKeyStore,
  ) {}

  /** Takes note of a data key that was just opened. */
  note(stored: StoredDataKey, key: KeyObject): void {
    const { rootKeyId } = parseWrappedDataKey(stored.wrapped);
    if (rootKeyId === this.keyEncryption.activeKeyId) return;
    if (this.#waiting.size >= WAITING_LIMIT) return;
    this.#waiting.set(stored.id, { stored, key });
    this.#draining ??= this.#drain();
  }

  /** Resolves when nothing waits any more. */
  async settled(): Promise<void> {
    await this.#draining;
  }

  async #drain(): Promise<void> {
    try {
      for (const [id, waiting] of this.#waiting) {
        await this.#rewrap(waiting);
        this.#waiting.delete(id);
      }
    } catch {
      // The cause may quote a row or a request.
      this.#logger.warn('data keys could not be re-wrapped; their next use tries again');
      this.#waiting.clear();
    } finally {
      this.#draining = null;
    }
  }

  async #rewrap({ stored, key }: Waiting): Promise<void> {
    const bytes = key.export();
    try {
      const { workspaceId, id: dataKeyId } = stored;
      const wrapped = await this.keyEncryption.wrap(bytes, { workspaceId, dataKeyId });
      const rootKeyId = this.keyEncryption.activeKeyId;
      await this.store.replaceWrapped(stored, { wrapped, rootKeyId });
    } finally {
      bytes.fill(0);
    }
  }
}
