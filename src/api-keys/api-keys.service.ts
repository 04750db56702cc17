import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { AppError, type ListQuery } from '../common';
import { CryptoService } from '../crypto';
import { ApiKeyEntity } from './api-key.entity';
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
    private readonly dataSource: DataSource,
    private readonly crypto: CryptoService,
    private readonly intake: ApiKeyIntake,
  ) {}

  /** Seals and stores a key. */
  async create(workspaceId: string, input: CreateApiKeyDto): Promise<SavedApiKey> {
    const { provider, secret, last4, baseUrl, warnings } = this.intake.accept(input);
    const id = uuidv7();
    const row = { id, workspaceId, provider: provider.id, baseUrl };
    await this.dataSource.manager.insert(ApiKeyEntity, {
      ...row,
      label: input.label ?? provider.displayName,
      encryptedKey: await this.crypto.encryptApiKey(secret, sealingContext(row)),
      last4,
      priority: input.priority ?? 0,
    });
    return { key: await this.get(workspaceId, id), warnings };
  }

  /** Newest first; one more than the limit if there is one. Nothing is decrypted. */
  async list(workspaceId: string, { limit, after }: ListQuery): Promise<ApiKeyEntity[]> {
    const query = this.dataSource
      .createQueryBuilder(ApiKeyEntity, 'key')
      .where('key.workspaceId = :workspaceId', { workspaceId })
      .orderBy('key.id', 'DESC')
      .limit(limit + 1);
    if (after !== undefined) query.andWhere('key.id < :after', { after });
    return query.getMany();
  }

  /** @throws {AppError} `not_found` */
  async get(workspaceId: string, id: string): Promise<ApiKeyEntity> {
    const key = await this.dataSource.manager.findOneBy(ApiKeyEntity, { id, workspaceId });
    if (key === null) throw new AppError('not_found', 'No such API key.');
    return key;
  }

  /** @throws {AppError} `not_found` */
  async update(workspaceId: string, id: string, change: UpdateApiKeyDto): Promise<ApiKeyEntity> {
    const { label, enabled, priority } = change;
    if (label !== undefined || enabled !== undefined || priority !== undefined) {
      await this.dataSource.manager.update(
        ApiKeyEntity,
        { id, workspaceId },
        { label, enabled, priority },
      );
    }
    return this.get(workspaceId, id);
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
    const encryptedKey = await this.crypto.encryptApiKey(secret, context);
    await this.dataSource
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
    return { key: await this.get(workspaceId, id), warnings };
  }

  /** @throws {AppError} `not_found` */
  async delete(workspaceId: string, id: string): Promise<void> {
    const { affected } = await this.dataSource.manager.delete(ApiKeyEntity, { id, workspaceId });
    if (affected === 0) throw new AppError('not_found', 'No such API key.');
  }

  /** Deletes every key of the provider. None to delete is no error. */
  async deleteByProvider(workspaceId: string, provider: string): Promise<void> {
    await this.dataSource.manager.delete(ApiKeyEntity, { workspaceId, provider });
  }
}
