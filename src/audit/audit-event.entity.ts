import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** What somebody did, or a stored key was opened for: metadata only. Written by the database's own function. */
@Entity('audit_events')
@Index('audit_events_chain', ['workspaceId', 'sequence'], {
  unique: true,
  where: 'workspace_id IS NOT NULL',
})
@Index('audit_events_server_chain', ['sequence'], { unique: true, where: 'workspace_id IS NULL' })
@Index('audit_events_by_action', ['workspaceId', 'action', 'sequence'])
@Index('audit_events_by_subject', ['workspaceId', 'subjectId', 'sequence'])
@Check('audit_events_sequence', `sequence >= 1`)
@Check(
  'audit_events_actor',
  `actor = 'server' OR actor ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'`,
)
@Check('audit_events_action', `action ~ '^[a-z-]+\\.[a-z-]+$'`)
@Check('audit_events_purpose', `char_length(purpose) <= 100`)
@Check('audit_events_request_id', `char_length(request_id) <= 200`)
@Check(
  'audit_events_details',
  `jsonb_typeof(details) = 'object'
    AND NOT jsonb_path_exists(details, 'strict $.* ? (@.type() == "object" || @.type() == "array")')
    AND octet_length(details::text) <= 4096`,
)
export class AuditEventEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'audit_events_pkey' })
  id: string;

  /** Null: the server's own chain. */
  @Column('uuid', { name: 'workspace_id', nullable: true })
  @ForeignKey('WorkspaceEntity', { name: 'audit_events_workspace_id_fkey', onDelete: 'CASCADE' })
  workspaceId: string | null;

  /** Place in the chain, from 1, without gaps. */
  @Column('bigint')
  sequence: string;

  @Column('timestamptz', { name: 'occurred_at' })
  occurredAt: Date;

  @Column('text')
  actor: string;

  @Column('text')
  action: string;

  @Column('text', { name: 'subject_type' })
  subjectType: string;

  @Column('uuid', { name: 'subject_id', nullable: true })
  subjectId: string | null;

  @Column('text', { nullable: true })
  purpose: string | null;

  @Column('text', { name: 'request_id', nullable: true })
  requestId: string | null;

  @Column('jsonb')
  details: Record<string, string | number | boolean | null>;

  @Column('bytea', { name: 'previous_hash' })
  previousHash: Buffer;

  @Column('bytea')
  hash: Buffer;
}

/** Where a chain ends. Without it, events that were deleted at the end would not be missed. */
@Entity('audit_heads')
@Index('audit_heads_workspace_id', ['workspaceId'])
@Check(
  'audit_heads_chain',
  `chain_id = coalesce(workspace_id, '00000000-0000-0000-0000-000000000000'::uuid)`,
)
export class AuditHeadEntity {
  /** The workspace, or the nil UUID for the server. */
  @PrimaryColumn('uuid', { name: 'chain_id', primaryKeyConstraintName: 'audit_heads_pkey' })
  chainId: string;

  @Column('uuid', { name: 'workspace_id', nullable: true })
  @ForeignKey('WorkspaceEntity', { name: 'audit_heads_workspace_id_fkey', onDelete: 'CASCADE' })
  workspaceId: string | null;

  @Column('bigint')
  sequence: string;

  @Column('bytea')
  hash: Buffer;
}
