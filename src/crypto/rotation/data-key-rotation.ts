import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';

import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { v7 } from 'uuid';

import { appendAuditEvents } from '../../audit-trail';
import { AppError } from '../../common';
import { open, seal } from '../aes-gcm';
import { isContentKey } from '../content-keys';
import type { StoredDataKey } from '../data-key.store';
import { type DataKey, DataKeys } from '../data-keys';
import type { DataKeyEntity } from '../data-key.entity';
import { formatEnvelope, parseEnvelope } from '../envelope';
import { DATA_KEY_BYTES, KeyEncryption } from '../key-encryption.interface';
import { KeyServiceUnavailable } from '../key-services';
import { secretAssociatedData } from '../sealing-context';
import { RotationStore } from './rotation.store';
import {
  type ResealedSecret,
  type SealedSecret,
  type SecretStore,
  SecretStores,
} from './secret-store';

/** A workspace's active data key, without the key. */
export interface DataKeyDescription {
  readonly id: string;
  readonly rootKeyId: string;
  readonly createdAt: Date;
}

/** The data key that took the place of another. */
export interface RotatedDataKey extends DataKeyDescription {
  /** Saved secrets that were sealed again; the content key, which nobody saved, is not counted. */
  readonly secrets: number;
}

export interface RefusedRotation {
  readonly workspaceId: string;
  readonly reason: string;
}

interface NewDataKey {
  readonly key: KeyObject;
  readonly stored: StoredDataKey;
}

/** Replaces the data key of a workspace: what the old one could open, it no longer can. */
@Injectable()
export class DataKeyRotation {
  constructor(
    private readonly dataKeys: DataKeys,
    private readonly store: RotationStore,
    @Inject(KeyEncryption) private readonly keyEncryption: KeyEncryption,
    @Inject(SecretStores) private readonly secretStores: SecretStores,
  ) {}

  /** @throws AppError `not_found` */
  async describe(workspaceId: string): Promise<DataKeyDescription> {
    const found = await this.store.findActive(workspaceId);
    if (found === null) throw new AppError('not_found', 'This workspace has no data key.');
    return describe(found);
  }

  /**
   * Makes a new data key, seals every secret of the workspace again and deletes the old one, in one transaction.
   * @throws AppError `not_found` if the workspace has no data key, `unprocessable` with nothing changed if a stored
   * secret does not open: with the old data key its last chance would be gone
   * @throws KeyServiceUnavailable
   */
  async rotate(workspaceId: string): Promise<RotatedDataKey> {
    await this.describe(workspaceId);
    // Opened and cached before any row is locked: a key service may be slow.
    await this.dataKeys.active(workspaceId);
    const made = await this.#make(workspaceId);
    const rotated = await this.store.inWorkspace(workspaceId, async (transaction) => {
      const replaced = await this.store.lock(workspaceId, transaction);
      const former = await this.dataKeys.byId(workspaceId, replaced.id);
      let secrets = 0;
      for (const secretStore of this.secretStores) {
        secrets += await this.#reseal(secretStore, workspaceId, { former, made, transaction });
      }
      const stored = await this.store.supersede(replaced, made.stored, transaction);
      await appendAuditEvents(transaction, {
        workspaceId,
        action: 'data-key.rotated',
        subjectId: stored.id,
        details: { formerDataKeyId: replaced.id, rootKeyId: stored.rootKeyId, secrets },
      });
      return { ...describe(stored), secrets };
    });
    this.dataKeys.evict(workspaceId);
    return rotated;
  }

  /** Rotates the data key of every workspace. What refuses is left as it is; repeating takes up all of them again. */
  async rotateAll(): Promise<{ rotated: number; refused: RefusedRotation[] }> {
    const refused: RefusedRotation[] = [];
    let rotated = 0;
    for (const workspaceId of await this.store.listWorkspaceIds()) {
      try {
        await this.rotate(workspaceId);
        rotated += 1;
      } catch (error) {
        if (!(error instanceof AppError) || error instanceof KeyServiceUnavailable) throw error;
        // Deleted since the list was read.
        if (error.code !== 'not_found') refused.push({ workspaceId, reason: error.message });
      }
    }
    return { rotated, refused };
  }

  async #make(workspaceId: string): Promise<NewDataKey> {
    const bytes = randomBytes(DATA_KEY_BYTES);
    try {
      const id = v7();
      const wrapped = await this.keyEncryption.wrap(bytes, { workspaceId, dataKeyId: id });
      const rootKeyId = this.keyEncryption.activeKeyId;
      return { key: createSecretKey(bytes), stored: { id, workspaceId, rootKeyId, wrapped } };
    } finally {
      bytes.fill(0);
    }
  }

  async #reseal(
    secretStore: SecretStore,
    workspaceId: string,
    work: { former: DataKey; made: NewDataKey; transaction: EntityManager },
  ): Promise<number> {
    const secrets = await secretStore.lock(workspaceId, work.transaction);
    const resealed: ResealedSecret[] = [];
    const unreadable: SealedSecret[] = [];
    for (const secret of secrets) {
      const newEnvelope = resealOrNull(secret, work.former, work.made);
      if (newEnvelope === null) unreadable.push(secret);
      else resealed.push({ ...secret, newEnvelope });
    }
    if (unreadable.length > 0) throw refusal(unreadable);
    const replaced = await secretStore.replace(resealed, work.transaction);
    if (replaced !== secrets.length) throw new Error('a locked secret changed during rotation');
    return resealed.filter(({ context }) => !isContentKey(context)).length;
  }
}

function resealOrNull(
  { envelope, context }: SealedSecret,
  former: DataKey,
  { key, stored }: NewDataKey,
): string | null {
  try {
    const { dataKeyId, sealed } = parseEnvelope(envelope);
    if (dataKeyId !== former.id) return null;
    const plaintext = open(former.key, sealed, secretAssociatedData(context, dataKeyId));
    const resealed = seal(key, plaintext, secretAssociatedData(context, stored.id));
    plaintext.fill(0);
    return formatEnvelope({ dataKeyId: stored.id, sealed: resealed });
  } catch {
    return null;
  }
}

function describe({ id, rootKeyId, createdAt }: DataKeyEntity): DataKeyDescription {
  return { id, rootKeyId, createdAt };
}

function refusal(unreadable: readonly SealedSecret[]): AppError {
  const unreadableIds = unreadable.map(({ context }) => context.rowId);
  const detail = unreadable.some(({ context }) => isContentKey(context))
    ? 'The content key does not open. Restore it from a backup: without it no stored content is readable.'
    : `${unreadable.length} saved keys or webhook secrets do not open. Replace or delete them first.`;
  return new AppError('unprocessable', detail, { extensions: { unreadableIds } });
}
