import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** One row per running server. Alive until `leaseUntil`, by the clock of the database. */
@Entity('servers')
export class ServerEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'servers_pkey' })
  id: string;

  @Column('timestamptz', { name: 'started_at' })
  startedAt: Date;

  @Column('timestamptz', { name: 'lease_until' })
  leaseUntil: Date;

  /** Since when without a gap: others may be taken for dead by whoever has held a lease for the length of one. */
  @Column('timestamptz', { name: 'held_since', default: () => 'clock_timestamp()' })
  heldSince: Date;
}

/** Which execution a client's `Idempotency-Key` started. */
@Entity('idempotency_keys')
@Check('idempotency_keys_length', `length(key) BETWEEN 1 AND 255`)
@Index('idempotency_keys_expires_at', ['expiresAt'])
export class IdempotencyKeyEntity {
  @PrimaryColumn('uuid', {
    name: 'workspace_id',
    primaryKeyConstraintName: 'idempotency_keys_pkey',
  })
  @ForeignKey('WorkspaceEntity', {
    name: 'idempotency_keys_workspace_id_fkey',
    onDelete: 'CASCADE',
  })
  workspaceId: string;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'idempotency_keys_pkey' })
  key: string;

  /** SHA-256 of what was asked, hexadecimal. */
  @Column('text')
  fingerprint: string;

  @Column('uuid', { name: 'execution_id' })
  executionId: string;

  @Column('timestamptz', { name: 'expires_at' })
  expiresAt: Date;
}
