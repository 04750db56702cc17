import {
  Check,
  Column,
  CreateDateColumn,
  Entity,
  ForeignKey,
  Index,
  PrimaryColumn,
  UpdateDateColumn,
} from 'typeorm';

/** What a webhook can be told. */
export const WEBHOOK_EVENTS = [
  'execution.completed',
  'execution.failed',
  'execution.cancelled',
] as const;

/** One of {@link WEBHOOK_EVENTS}. */
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** Where a workspace wants to be told how its executions ended. */
@Entity('webhooks')
@Index('webhooks_workspace_id', ['workspaceId', 'id'])
@Check(
  'webhooks_events',
  `cardinality(events) > 0 AND events <@ ARRAY['execution.completed', 'execution.failed', 'execution.cancelled']`,
)
@Check(
  'webhooks_disabled_reason',
  `disabled_reason IS NULL OR (disabled_reason = 'gone' AND NOT enabled)`,
)
export class WebhookEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'webhooks_pkey' })
  id: string;

  @Column('uuid', { name: 'workspace_id' })
  @ForeignKey('WorkspaceEntity', { name: 'webhooks_workspace_id_fkey', onDelete: 'CASCADE' })
  workspaceId: string;

  /** Canonical. Its path or query may hold a secret of the receiver's. */
  @Column('text')
  url: string;

  @Column('text', { array: true })
  events: WebhookEvent[];

  @Column('text', { nullable: true })
  description: string | null;

  /** What happens while it is disabled is not queued; what was queued before waits. */
  @Column('boolean', { default: true })
  enabled: boolean;

  /** `gone`: the receiver answered 410; null: it is enabled, or somebody disabled it. */
  @Column('text', { name: 'disabled_reason', nullable: true })
  disabledReason: 'gone' | null;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' })
  createdAt: Date;

  @UpdateDateColumn({ type: 'timestamptz', name: 'updated_at' })
  updatedAt: Date;
}

/** A secret that signs for a webhook: the current one (no end), and former ones until they expire. */
@Entity('webhook_secrets')
@Index('webhook_secrets_webhook_id', ['webhookId'])
@Index('webhook_secrets_workspace_id', ['workspaceId'])
@Check(
  'webhook_secrets_encrypted_secret',
  `encrypted_secret ~ '^s1:[0-9a-f-]{36}:[A-Za-z0-9_-]{38,}$'`,
)
export class WebhookSecretEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'webhook_secrets_pkey' })
  id: string;

  @Column('uuid', { name: 'workspace_id' })
  workspaceId: string;

  @Column('uuid', { name: 'webhook_id' })
  @ForeignKey('WebhookEntity', { name: 'webhook_secrets_webhook_id_fkey', onDelete: 'CASCADE' })
  webhookId: string;

  @Column('text', { name: 'encrypted_secret', select: false })
  encryptedSecret: string;

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt: Date | null;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' })
  createdAt: Date;
}
