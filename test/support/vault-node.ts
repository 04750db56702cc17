import { Logger } from '@nestjs/common';
import { v7 } from 'uuid';
import { ApiKeySecrets } from '../../src/api-keys';
import { sealingContext } from '../../src/api-keys/api-key-sealing';
import { Secret } from '../../src/common';
import {
  CryptoService,
  DataKeyRotation,
  type DataKeyStore,
  DataKeys,
  generateRootKey,
  KeyInspection,
  type KeyEncryption,
  LocalKeyEncryption,
  parseRootKey,
  PostgresDataKeyStore,
  type RootKey,
  RootKeyRewrap,
} from '../../src/crypto';
import { RotationStore } from '../../src/crypto/rotation';
import { TenantDatabase } from '../../src/database';
import type { TestDatabase } from './test-database';

export interface SavedSecret {
  readonly id: string;
  readonly workspaceId: string;
  readonly secret: string;
}

export const newRootKey = (): RootKey => parseRootKey(generateRootKey(), 'KEYRUN_ROOT_KEY');

/**
 * The vault of one node on a real database, without HTTP around it. Its own workspace by workspace as the server, and
 * what goes over all workspaces as the command line.
 */
export class VaultNode {
  readonly dataKeys: DataKeys;
  readonly crypto: CryptoService;
  readonly rewrap: RootKeyRewrap;
  readonly rotation: DataKeyRotation;
  readonly inspection: KeyInspection;
  readonly secrets: ApiKeySecrets;
  readonly store: RotationStore;
  readonly tenants: TenantDatabase;

  constructor(
    readonly database: Pick<TestDatabase, 'dataSource' | 'runtime' | 'definer'>,
    readonly keyEncryption: KeyEncryption,
    dataKeyStore: DataKeyStore = storeOf(database),
  ) {
    Logger.overrideLogger(false);
    this.tenants = new TenantDatabase(database.runtime);
    this.store = new RotationStore(database.definer, this.tenants);
    this.secrets = new ApiKeySecrets(database.definer);
    this.dataKeys = new DataKeys(keyEncryption, dataKeyStore);
    this.crypto = new CryptoService(this.dataKeys, keyEncryption, dataKeyStore);
    this.rewrap = new RootKeyRewrap(keyEncryption, this.store);
    const stores = [this.secrets];
    this.rotation = new DataKeyRotation(this.dataKeys, this.store, keyEncryption, stores);
    this.inspection = new KeyInspection(keyEncryption, this.store, this.crypto, stores);
  }

  static local(
    database: VaultNode['database'],
    active: RootKey,
    ...previous: RootKey[]
  ): VaultNode {
    return new VaultNode(database, new LocalKeyEncryption(active, previous));
  }

  async addWorkspace(): Promise<string> {
    const id = v7();
    await this.database.dataSource.query(`INSERT INTO workspaces (id, name) VALUES ($1, 'test')`, [
      id,
    ]);
    await this.dataKeys.create(id);
    return id;
  }

  /** Workspaces with one secret each, without a round trip per row. */
  async addWorkspaces(count: number): Promise<SavedSecret[]> {
    const ids = Array.from({ length: count }, () => v7());
    const keys = await Promise.all(ids.map(async (id) => this.#wrapped(id)));
    await this.database.dataSource.query(
      `INSERT INTO workspaces (id, name) SELECT id, 'test' FROM unnest($1::uuid[]) AS id`,
      [ids],
    );
    await this.database.dataSource.query(
      `INSERT INTO workspace_data_keys (id, workspace_id, state, root_key_id, wrapped)
       SELECT id, workspace_id, 'active', $4, wrapped
         FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS made (id, workspace_id, wrapped)`,
      [
        keys.map(({ id }) => id),
        ids,
        keys.map(({ wrapped }) => wrapped),
        this.keyEncryption.activeKeyId,
      ],
    );
    const saved: SavedSecret[] = [];
    for (const id of ids) saved.push(await this.save(id));
    return saved;
  }

  /** Seals and stores a secret as the service of the API keys does. */
  async save(workspaceId: string, secret = `sk-${v7()}`): Promise<SavedSecret> {
    const id = v7();
    const row = { id, workspaceId, provider: 'openai', baseUrl: null };
    await this.tenants.write(workspaceId, async (transaction) => {
      const envelope = await this.crypto.encryptApiKey(
        new Secret(secret),
        sealingContext(row),
        transaction,
      );
      await transaction.query(
        `INSERT INTO api_keys (id, workspace_id, provider, label, encrypted_key, last4)
         VALUES ($1, $2, 'openai', 'test', $3, 'abcd')`,
        [id, workspaceId, envelope],
      );
    });
    return { id, workspaceId, secret };
  }

  /** The stored secret, opened. A rotation may come between reading and opening: then again. */
  async open({ id, workspaceId }: SavedSecret): Promise<string> {
    for (let former = ''; ;) {
      const [row] = await this.tenants.read(workspaceId, (manager) =>
        manager.query<[{ envelope: string }]>(
          `SELECT encrypted_key AS envelope FROM api_keys WHERE id = $1`,
          [id],
        ),
      );
      const context = sealingContext({ id, workspaceId, provider: 'openai', baseUrl: null });
      try {
        return (await this.crypto.decryptApiKey(row.envelope, context)).expose();
      } catch (error) {
        if (row.envelope === former) throw error;
        former = row.envelope;
      }
    }
  }

  async #wrapped(workspaceId: string): Promise<{ id: string; wrapped: string }> {
    const id = v7();
    const bytes = Buffer.from(`${id}${id}`.replaceAll('-', '').slice(0, 64), 'hex');
    return { id, wrapped: await this.keyEncryption.wrap(bytes, { workspaceId, dataKeyId: id }) };
  }
}

/** The store of data keys as the server has it. */
export function storeOf({ runtime }: Pick<TestDatabase, 'runtime'>): PostgresDataKeyStore {
  return new PostgresDataKeyStore(runtime, new TenantDatabase(runtime));
}
