import { Inject, Injectable } from '@nestjs/common';

import { DataKeyStore } from '../data-key.store';
import { KeyEncryption } from '../key-encryption.interface';

/** A root key that wraps data keys, or is configured on this server. */
export interface RootKeyState {
  readonly rootKeyId: string;
  /** How many data keys need it, over all workspaces and the server itself. */
  readonly dataKeys: number;
  /** Wraps new data keys on this server. */
  readonly isActive: boolean;
  /** Without it they cannot be opened here. */
  readonly isConfigured: boolean;
  /** No data key needs it any more, so that it can be taken away. */
  readonly isRetirable: boolean;
}

/** How far a change of the root key is, told without opening anything: the active one first. */
@Injectable()
export class RootKeyOverview {
  constructor(
    @Inject(KeyEncryption) private readonly keyEncryption: KeyEncryption,
    @Inject(DataKeyStore) private readonly store: DataKeyStore,
  ) {}

  async list(): Promise<RootKeyState[]> {
    const { activeKeyId, keyIds } = this.keyEncryption;
    const uses = await this.store.listRootKeyIds();
    const counts = new Map(uses.map(({ rootKeyId, dataKeys }) => [rootKeyId, dataKeys]));
    const ids = new Set([activeKeyId, ...keyIds, ...counts.keys()]);
    return Array.from(ids, (rootKeyId) => {
      const dataKeys = counts.get(rootKeyId) ?? 0;
      const isActive = rootKeyId === activeKeyId;
      const isConfigured = keyIds.includes(rootKeyId);
      const isRetirable = isConfigured && !isActive && dataKeys === 0;
      return { rootKeyId, dataKeys, isActive, isConfigured, isRetirable };
    });
  }
}
