import { Injectable } from '@nestjs/common';
import { type EntityManager, In } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { appendAuditEvents } from '../audit-trail';
import { AppError, type ListQuery } from '../common';
import { CryptoService } from '../crypto';
import { TenantDatabase } from '../database';
import { ApiKeyEntity } from './api-key.entity';
import { auditedKey } from './api-key-audit';
import { ApiKeyIntake } from './api-key-intake';
import { sealingContext } from './api-key-sealing';
import type { CreateApiKeyDto, ReplaceSecretDto, UpdateApiKeyDto } from './dto/api-key.dto';

export interface SavedApiKey {
  readonly key: ApiKeyEntity;
  readonly warnings: string[];
}

/** Stores, lists, changes and deletes the provider keys of a workspace. */
@Injectable()
export class ApiKeysService {
  constructor(
    private readonly tenants: TenantDatabase,
    private readonly crypto: CryptoService,
    private readonly intake: ApiKeyIntake,
  ) {}

  /** Seals and stores a key. */
  async create(workspaceId: string, input: CreateApiKeyDto): Promise<SavedApiKey> {
    const { provider, secret, last4, baseUrl, warnings } = this.intake.accept(input);
    const id = uuidv7();
    const row = { id, workspaceId, provider: provider.id, baseUrl };
    const key = await this.tenants.write(workspaceId, async (manager) => {
      await manager.insert(ApiKeyEntity, {
        ...row,
        encryptedKey: await this.crypto.encryptApiKey(secret, sealingContext(row), manager),
        label: input.label ?? provider.displayName,
        last4,
        priority: input.priority ?? 0,
      });
      const saved = await findOrThrow(manager, row);
      await appendAuditEvents(manager, auditedKey('api-key.created', saved));
      return saved;
    });
    return { key, warnings };
  }

  /** Newest first; one more than the limit if there is one. Nothing is decrypted. */
  async list(workspaceId: string, { limit, after }: ListQuery): Promise<ApiKeyEntity[]> {
    return this.tenants.read(workspaceId, async (manager) => {
      const query = manager
        .createQueryBuilder(ApiKeyEntity, 'key')
        .where('key.workspaceId = :workspaceId', { workspaceId })
        .orderBy('key.id', 'DESC')
        .limit(limit + 1);
      if (after !== undefined) query.andWhere('key.id < :after', { after });
      return query.getMany();
    });
  }

  /** @throws {AppError} `not_found` */
  async get(workspaceId: string, id: string): Promise<ApiKeyEntity> {
    return this.tenants.read(workspaceId, (manager) => findOrThrow(manager, { id, workspaceId }));
  }

  /** @throws {AppError} `not_found` */
  async update(workspaceId: string, id: string, change: UpdateApiKeyDto): Promise<ApiKeyEntity> {
    const { label, enabled, priority } = change;
    if (label === undefined && enabled === undefined && priority === undefined) {
      return this.get(workspaceId, id);
    }
    return this.tenants.write(workspaceId, async (manager) => {
      await manager.update(ApiKeyEntity, { id, workspaceId }, { label, enabled, priority });
      const key = await findOrThrow(manager, { id, workspaceId });
      const state = { enabled: key.enabled, priority: key.priority };
      await appendAuditEvents(manager, auditedKey('api-key.updated', key, state));
      return key;
    });
  }

  /**
   * Replaces the secret, and the base URL if one is given, keeping the id. What was known of the old
   * secret's health is forgotten.
   * @throws {AppError} `not_found`
   */
  async replaceSecret(
    workspaceId: string,
    id: string,
    input: ReplaceSecretDto,
  ): Promise<SavedApiKey> {
    const current = await this.get(workspaceId, id);
    const { secret, last4, baseUrl, warnings } = this.intake.accept({
      provider: current.provider,
      apiKey: input.apiKey,
      baseUrl: input.baseUrl === undefined ? current.baseUrl : input.baseUrl,
    });
    const context = sealingContext({ ...current, baseUrl });
    const key = await this.tenants.write(workspaceId, async (manager) => {
      const encryptedKey = await this.crypto.encryptApiKey(secret, context, manager);
      await manager
        .createQueryBuilder()
        .update(ApiKeyEntity)
        .set({
          encryptedKey,
          baseUrl,
          last4,
          health: 'untested',
          lastTestedAt: null,
          secretVersion: () => 'secret_version + 1',
        })
        .where({ id, workspaceId })
        .execute();
      const replaced = await findOrThrow(manager, { id, workspaceId });
      const { secretVersion } = replaced;
      await appendAuditEvents(
        manager,
        auditedKey('api-key.secret-replaced', replaced, { secretVersion }),
      );
      return replaced;
    });
    return { key, warnings };
  }

  /** @throws {AppError} `not_found` */
  async delete(workspaceId: string, id: string): Promise<void> {
    await this.tenants.write(workspaceId, async (manager) => {
      const deleted = await deleteKeys(manager, { id, workspaceId });
      if (deleted === 0) throw new AppError('not_found', 'No such API key.');
    });
  }

  /**
   * Deletes every key of the provider. None to delete is no error.
   * @throws {AppError} `validation_failed` when there is none and no such provider: a typo must not look like success.
   */
  async deleteByProvider(workspaceId: string, provider: string): Promise<void> {
    const deleted = await this.tenants.write(workspaceId, (manager) =>
      deleteKeys(manager, { workspaceId, provider }),
    );
    if (deleted === 0) this.intake.refuseUnknown(provider);
  }
}

/** @returns how many there were. Locked first, so that each leaves exactly one event, whoever else deletes. */
async function deleteKeys(
  manager: EntityManager,
  where: Pick<ApiKeyEntity, 'workspaceId'> & Partial<Pick<ApiKeyEntity, 'id' | 'provider'>>,
): Promise<number> {
  const keys = await manager.find(ApiKeyEntity, {
    where,
    order: { id: 'ASC' },
    lock: { mode: 'pessimistic_write' },
  });
  await manager.delete(ApiKeyEntity, { id: In(keys.map((key) => key.id)) });
  await appendAuditEvents(manager, ...keys.map((key) => auditedKey('api-key.deleted', key)));
  return keys.length;
}

async function findOrThrow(
  manager: EntityManager,
  { id, workspaceId }: Pick<ApiKeyEntity, 'id' | 'workspaceId'>,
): Promise<ApiKeyEntity> {
  const key = await manager.findOneBy(ApiKeyEntity, { id, workspaceId });
  if (key === null) throw new AppError('not_found', 'No such API key.');
  return key;
}
