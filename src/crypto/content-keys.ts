import { createSecretKey, randomBytes } from 'node:crypto';

import { Inject, Injectable, Optional } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { v7 } from 'uuid';

import { open, seal } from './aes-gcm';
import { ContentKey } from './content-key';
import { CryptoRefused } from './crypto.errors';
import { type DataKey, DataKeys } from './data-keys';
import { formatEnvelope, parseEnvelope } from './envelope';
import { DATA_KEY_BYTES } from './key-encryption.interface';
import { MonotonicClock, OpenedKeyCache } from './opened-key-cache';
import { type SealingContext, secretAssociatedData } from './sealing-context';

/**
 * POSIX pattern for a CHECK constraint on the envelope of a content key, so that a bug cannot store plaintext: the
 * payload is exactly the IV, 32 bytes and the tag.
 */
export const CONTENT_KEY_SQL_PATTERN = '^s1:[0-9a-f-]{36}:[A-Za-z0-9_-]{80}$';

const CONTENT_KEY_FIELD = 'content_key';

/** A content key as it is stored: an envelope under the data key of its workspace. */
export interface StoredContentKey {
  /** UUIDv7. */
  readonly id: string;
  readonly workspaceId: string;
  readonly envelope: string;
}

/** What the envelope of a content key is bound to. No provider key is ever sealed for this place. */
export function contentKeyContext({
  id,
  workspaceId,
}: Pick<StoredContentKey, 'id' | 'workspaceId'>): SealingContext {
  return {
    workspaceId,
    rowId: id,
    provider: 'keyrun',
    destination: 'keyrun:content',
    field: CONTENT_KEY_FIELD,
  };
}

/** Whether it is the place of a content key, and not of a secret that somebody saved. */
export function isContentKey({ field }: SealingContext): boolean {
  return field === CONTENT_KEY_FIELD;
}

/**
 * Makes and opens content keys. A workspace's prompts and answers are sealed under its content key and that under its
 * data key, so a change of the data key seals one small secret again instead of all content.
 */
@Injectable()
export class ContentKeys {
  readonly #cache: OpenedKeyCache<ContentKey>;

  constructor(
    private readonly dataKeys: DataKeys,
    @Optional() @Inject(MonotonicClock) now: MonotonicClock = () => performance.now(),
  ) {
    this.#cache = new OpenedKeyCache(now);
    dataKeys.onEviction((workspaceId) => {
      this.#cache.evict(workspaceId);
    });
  }

  /**
   * The opened content key of the workspace, cached like a data key: for at most 5 minutes, and not beyond the eviction
   * of the workspace's data keys on this node.
   */
  cached(workspaceId: string, load: () => Promise<ContentKey>): Promise<ContentKey> {
    return this.#cache.get(workspaceId, workspaceId, load);
  }

  /**
   * What seals and opens stored content keys, under the active data key of the workspace.
   * @param transaction the one that reads and stores them, afterwards: it keeps the data key from being replaced
   * @throws CryptoRefused `data_key_missing` if the workspace has no data key, or `root_key_unknown`
   */
  async vault(workspaceId: string, transaction: EntityManager): Promise<ContentKeyVault> {
    return new ContentKeyVault(workspaceId, await this.dataKeys.active(workspaceId, transaction));
  }
}

/** The content keys of one workspace, for one transaction. */
export class ContentKeyVault {
  constructor(
    private readonly workspaceId: string,
    private readonly dataKey: DataKey,
  ) {}

  /** A new content key. */
  create(): StoredContentKey {
    const { workspaceId, dataKey } = this;
    const id = v7();
    const bytes = randomBytes(DATA_KEY_BYTES);
    const associatedData = secretAssociatedData(contentKeyContext({ id, workspaceId }), dataKey.id);
    const sealed = seal(dataKey.key, bytes, associatedData);
    bytes.fill(0);
    return { id, workspaceId, envelope: formatEnvelope({ dataKeyId: dataKey.id, sealed }) };
  }

  /** @throws CryptoRefused `malformed`, `data_key_missing` if another data key sealed it, or `auth_failed` */
  open({ id, envelope }: Pick<StoredContentKey, 'id' | 'envelope'>): ContentKey {
    const { workspaceId, dataKey } = this;
    const { dataKeyId, sealed } = parseEnvelope(envelope);
    if (dataKeyId !== dataKey.id) throw new CryptoRefused('data_key_missing');
    const associatedData = secretAssociatedData(contentKeyContext({ id, workspaceId }), dataKeyId);
    const bytes = open(dataKey.key, sealed, associatedData);
    try {
      if (bytes.length !== DATA_KEY_BYTES) throw new CryptoRefused('malformed');
      return new ContentKey(id, workspaceId, createSecretKey(bytes));
    } finally {
      bytes.fill(0);
    }
  }
}
