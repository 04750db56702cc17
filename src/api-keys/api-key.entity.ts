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

/** What is known of a key's health. `disabled` is no health: it is `enabled = false`. */
export const API_KEY_HEALTH = [
  'untested',
  'active',
  'invalid',
  'rate_limited',
  'unreadable',
] as const;

export type ApiKeyHealth = (typeof API_KEY_HEALTH)[number];

/** A provider key of a workspace. The key itself exists only inside the envelope `encryptedKey`. */
@Entity('api_keys')
@Index('api_keys_workspace_id', ['workspaceId', 'provider', 'priority'])
@Check('api_keys_encrypted_key', `encrypted_key ~ '^s1:[0-9a-f-]{36}:[A-Za-z0-9_-]{38,}$'`)
@Check('api_keys_last4', `char_length(last4) <= 4`)
@Check(
  'api_keys_health',
  `health IN ('untested', 'active', 'invalid', 'rate_limited', 'unreadable')`,
)
export class ApiKeyEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'api_keys_pkey' })
  id: string;

  @Column('uuid', { name: 'workspace_id' })
  @ForeignKey('WorkspaceEntity', { name: 'api_keys_workspace_id_fkey', onDelete: 'CASCADE' })
  workspaceId: string;

  @Column('text')
  provider: string;

  @Column('text')
  label: string;

  /** Canonical custom base URL; null: the provider's own address. Sealed into the envelope as destination. */
  @Column('text', { name: 'base_url', nullable: true })
  baseUrl: string | null;

  @Column('text', { name: 'encrypted_key', select: false })
  encryptedKey: string;

  /** Grows with each replacement, so that a late verdict on the old secret does not mark the new one. */
  @Column('integer', { name: 'secret_version', default: 1 })
  secretVersion: number;

  @Column('text')
  last4: string;

  @Column('boolean', { default: true })
  enabled: boolean;

  @Column('text', { default: 'untested' })
  health: ApiKeyHealth;

  /** Keys of one provider are used in ascending order. */
  @Column('integer', { default: 0 })
  priority: number;

  @Column('timestamptz', { name: 'last_tested_at', nullable: true })
  lastTestedAt: Date | null;

  @Column('timestamptz', { name: 'last_used_at', nullable: true })
  lastUsedAt: Date | null;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' })
  createdAt: Date;

  @UpdateDateColumn({ type: 'timestamptz', name: 'updated_at' })
  updatedAt: Date;
}
