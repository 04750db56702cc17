import { Inject, Injectable } from '@nestjs/common';

import { AppError } from '../../common';
import { CryptoRefused, type CryptoRefusal } from '../crypto.errors';
import { CryptoService } from '../crypto.service';
import type { StoredDataKey } from '../data-key.store';
import { KeyEncryption } from '../key-encryption.interface';
import { mapConcurrently } from './map-concurrently';
import type { UnreadableDataKey } from './root-key-rewrap';
import { type RootKeyUse, RotationStore } from './rotation.store';
import { type SealedSecret, SecretStores } from './secret-store';

const PAGE = 500;
const CONCURRENCY = 16;

export interface RootKeyStatus extends RootKeyUse {
  readonly isConfigured: boolean;
  readonly isActive: boolean;
}

export interface UnreadableSecret {
  readonly rowId: string;
  readonly workspaceId: string;
  readonly reason: CryptoRefusal;
}

/** Which root keys wrap how many data keys. */
export interface KeyStatus {
  readonly activeRootKeyId: string;
  /** Those that wrap data keys, and those that are configured. */
  readonly configuredRootKeyIds: readonly string[];
  readonly rootKeys: readonly RootKeyStatus[];
}

/** What opened and what did not. */
export interface Verification {
  readonly dataKeys: number;
  readonly unreadableDataKeys: readonly UnreadableDataKey[];
  readonly secrets: number;
  readonly unreadableSecrets: readonly UnreadableSecret[];
}

/** What root keys, data keys and secrets there are, and whether they open. */
@Injectable()
export class KeyInspection {
  constructor(
    @Inject(KeyEncryption) private readonly keyEncryption: KeyEncryption,
    private readonly store: RotationStore,
    private readonly crypto: CryptoService,
    @Inject(SecretStores) private readonly secretStores: SecretStores,
  ) {}

  async status(): Promise<KeyStatus> {
    const { activeKeyId, keyIds } = this.keyEncryption;
    const rootKeys = (await this.store.listUses()).map((use) => ({
      ...use,
      isConfigured: keyIds.includes(use.rootKeyId),
      isActive: use.rootKeyId === activeKeyId,
    }));
    return { activeRootKeyId: activeKeyId, configuredRootKeyIds: keyIds, rootKeys };
  }

  /**
   * Opens every data key and every secret, and keeps with each secret whether it opens.
   * @throws KeyServiceUnavailable: that says nothing about what is stored
   */
  async verify(): Promise<Verification> {
    let dataKeys = 0;
    const unreadableDataKeys: UnreadableDataKey[] = [];
    for await (const page of this.store.pages(PAGE)) {
      const found = await mapConcurrently(page, CONCURRENCY, (row) => this.#tryDataKey(row));
      dataKeys += page.length;
      unreadableDataKeys.push(...found.filter((fault) => fault !== null));
    }
    return { dataKeys, unreadableDataKeys, ...(await this.#verifySecrets()) };
  }

  /**
   * Whether nothing depends on the root key any more.
   * @throws AppError `conflict` while a data key refers to it, or if it is the active one
   */
  async assertRetirable(rootKeyId: string): Promise<void> {
    if (rootKeyId === this.keyEncryption.activeKeyId) {
      throw new AppError('conflict', `${rootKeyId} is the active root key. Rotate first.`);
    }
    const dataKeys = await this.store.countUnder(rootKeyId);
    if (dataKeys === 0) return;
    throw new AppError(
      'conflict',
      `${dataKeys} data keys still need root key ${rootKeyId}. Run: npm run keyrun -- keys rewrap`,
    );
  }

  async #verifySecrets(): Promise<Pick<Verification, 'secrets' | 'unreadableSecrets'>> {
    let secrets = 0;
    const unreadableSecrets: UnreadableSecret[] = [];
    for (const secretStore of this.secretStores) {
      for await (const page of secretStore.pages(PAGE)) {
        const faults = await mapConcurrently(page, CONCURRENCY, (one) => this.#trySecret(one));
        await secretStore.note(
          page.map((secret, index) => ({ ...secret, opens: faults[index] === null })),
        );
        secrets += page.length;
        unreadableSecrets.push(...faults.filter((fault) => fault !== null));
      }
    }
    return { secrets, unreadableSecrets };
  }

  async #tryDataKey(row: StoredDataKey): Promise<UnreadableDataKey | null> {
    const context = { workspaceId: row.workspaceId, dataKeyId: row.id };
    const reason = await refusalOf(async () => {
      (await this.keyEncryption.unwrap(row.wrapped, context)).fill(0);
    });
    return reason === null ? null : { ...context, rootKeyId: row.rootKeyId, reason };
  }

  async #trySecret({ envelope, context }: SealedSecret): Promise<UnreadableSecret | null> {
    const reason = await refusalOf(() => this.crypto.decryptApiKey(envelope, context));
    return reason === null
      ? null
      : { rowId: context.rowId, workspaceId: context.workspaceId, reason };
  }
}

async function refusalOf(work: () => Promise<unknown>): Promise<CryptoRefusal | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (error instanceof CryptoRefused) return error.code;
    throw error;
  }
}
