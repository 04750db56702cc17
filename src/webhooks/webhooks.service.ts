import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { appendAuditEvents } from '../audit-trail';
import { AppError, type ListQuery, type Secret } from '../common';
import { TenantDatabase } from '../database';
import { OutboundPolicy } from '../outbound';
import type { CreateWebhookDto, UpdateWebhookDto } from './dto/webhook.dto';
import {
  WEBHOOK_EVENTS,
  WebhookEntity,
  type WebhookEvent,
  type WebhookSecretEntity,
} from './webhook.entity';
import { auditedWebhook } from './webhook-audit';
import { type WebhookKey, WebhookSecrets } from './webhook-secrets';

/** Each may add a row to every end of an execution. */
const WEBHOOKS_MAX = 20;

/** A webhook with what is known of its secrets. */
export interface DescribedWebhook {
  readonly id: string;
  readonly webhook: WebhookEntity;
  readonly secrets: readonly WebhookSecretEntity[];
}

/** A webhook with a secret that is shown this once. */
export interface WebhookWithSecret extends DescribedWebhook {
  readonly secret: Secret;
}

/** Stores, lists, changes and deletes the webhooks of a workspace. */
@Injectable()
export class WebhooksService {
  constructor(
    private readonly tenants: TenantDatabase,
    private readonly secrets: WebhookSecrets,
    private readonly outboundPolicy: OutboundPolicy,
  ) {}

  /** @throws {AppError} `blocked_destination`, `unprocessable` when there are too many. */
  async create(workspaceId: string, input: CreateWebhookDto): Promise<WebhookWithSecret> {
    const url = this.outboundPolicy.checkWebhookUrl(input.url);
    const key = { id: uuidv7(), workspaceId };
    return this.tenants.write(workspaceId, async (manager) => {
      await refuseTooMany(manager, workspaceId);
      await manager.insert(WebhookEntity, {
        ...key,
        url,
        events: inOrder(input.events ?? WEBHOOK_EVENTS),
        description: input.description ?? null,
      });
      const secret = await this.secrets.add(manager, key);
      const described = await this.describe(manager, key);
      await appendAuditEvents(manager, auditedWebhook('webhook.created', described.webhook));
      return { ...described, secret };
    });
  }

  /** Newest first; one more than the limit if there is one. */
  async list(workspaceId: string, { limit, after }: ListQuery): Promise<DescribedWebhook[]> {
    return this.tenants.read(workspaceId, async (manager) => {
      const query = manager
        .createQueryBuilder(WebhookEntity, 'webhook')
        .where('webhook.workspaceId = :workspaceId', { workspaceId })
        .orderBy('webhook.id', 'DESC')
        .limit(limit + 1);
      if (after !== undefined) query.andWhere('webhook.id < :after', { after });
      return this.describeAll(manager, await query.getMany());
    });
  }

  /** @throws {AppError} `not_found` */
  async get(workspaceId: string, id: string): Promise<DescribedWebhook> {
    return this.tenants.read(workspaceId, (manager) => this.describe(manager, { id, workspaceId }));
  }

  /**
   * Only what is given changes. Enabling forgets why it was disabled.
   * @throws {AppError} `not_found`, `blocked_destination`
   */
  async update(
    workspaceId: string,
    id: string,
    { url, events, description, enabled }: UpdateWebhookDto,
  ): Promise<DescribedWebhook> {
    const change = {
      url: url === undefined ? undefined : this.outboundPolicy.checkWebhookUrl(url),
      events: events === undefined ? undefined : inOrder(events),
      ...{ description, enabled, disabledReason: enabled === undefined ? undefined : null },
    };
    if (Object.values(change).every((value) => value === undefined)) {
      return this.get(workspaceId, id);
    }
    return this.tenants.write(workspaceId, async (manager) => {
      await manager.update(WebhookEntity, { id, workspaceId }, change);
      const described = await this.describe(manager, { id, workspaceId });
      await appendAuditEvents(manager, auditedWebhook('webhook.updated', described.webhook));
      return described;
    });
  }

  /**
   * Makes a new secret; the ones before it sign for `overlapSeconds` more.
   * @throws {AppError} `not_found`, `unprocessable`
   */
  async rotateSecret(
    workspaceId: string,
    id: string,
    overlapSeconds: number,
  ): Promise<WebhookWithSecret> {
    const key = { id, workspaceId };
    return this.tenants.write(workspaceId, async (manager) => {
      await manager.query('SELECT FROM webhooks WHERE id = $1 FOR NO KEY UPDATE', [id]);
      const webhook = await findOrThrow(manager, key);
      const secret = await this.secrets.rotate(manager, key, overlapSeconds);
      const described = await this.describe(manager, key);
      await appendAuditEvents(
        manager,
        auditedWebhook('webhook.secret-rotated', webhook, { overlapSeconds }),
      );
      return { ...described, secret };
    });
  }

  /**
   * Deletes it with its secrets, its log, and what was still to be delivered.
   * @throws {AppError} `not_found`
   */
  async delete(workspaceId: string, id: string): Promise<void> {
    await this.tenants.write(workspaceId, async (manager) => {
      await manager.query('SELECT FROM webhooks WHERE id = $1 FOR UPDATE', [id]);
      const webhook = await findOrThrow(manager, { id, workspaceId });
      await manager.delete(WebhookEntity, { id, workspaceId });
      await appendAuditEvents(manager, auditedWebhook('webhook.deleted', webhook));
    });
  }

  private async describe(manager: EntityManager, key: WebhookKey): Promise<DescribedWebhook> {
    const webhook = await findOrThrow(manager, key);
    return { id: key.id, webhook, secrets: await this.secrets.list(manager, [key.id]) };
  }

  private async describeAll(
    manager: EntityManager,
    webhooks: readonly WebhookEntity[],
  ): Promise<DescribedWebhook[]> {
    const ids = webhooks.map(({ id }) => id);
    const secrets = await this.secrets.list(manager, ids);
    return webhooks.map((webhook) => ({
      id: webhook.id,
      webhook,
      secrets: secrets.filter(({ webhookId }) => webhookId === webhook.id),
    }));
  }
}

/** @throws {AppError} `not_found` */
export async function findOrThrow(
  manager: EntityManager,
  { id, workspaceId }: WebhookKey,
): Promise<WebhookEntity> {
  const webhook = await manager.findOneBy(WebhookEntity, { id, workspaceId });
  if (webhook === null) throw new AppError('not_found', 'No such webhook.');
  return webhook;
}

function inOrder(events: readonly WebhookEvent[]): WebhookEvent[] {
  return WEBHOOK_EVENTS.filter((event) => events.includes(event));
}

/** Counted one request after the other; executions are not held up by this lock. */
async function refuseTooMany(manager: EntityManager, workspaceId: string): Promise<void> {
  await manager.query('SELECT FROM workspaces WHERE id = $1 FOR NO KEY UPDATE', [workspaceId]);
  if ((await manager.countBy(WebhookEntity, { workspaceId })) < WEBHOOKS_MAX) return;
  throw new AppError(
    'unprocessable',
    `A workspace has at most ${WEBHOOKS_MAX} webhooks. Delete one first.`,
  );
}
