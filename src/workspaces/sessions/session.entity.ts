import { Column, CreateDateColumn, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** A person who signed in to the web UI with an access token. Ends with the token. */
@Entity('sessions')
@Index('sessions_token_id', ['tokenId'])
@Index('sessions_workspace_id', ['workspaceId'])
export class SessionEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'sessions_pkey' })
  id: string;

  /** Home workspace of the token. */
  @Column('uuid', { name: 'workspace_id' })
  @ForeignKey('WorkspaceEntity', { name: 'sessions_workspace_id_fkey', onDelete: 'CASCADE' })
  workspaceId: string;

  @Column('uuid', { name: 'token_id' })
  @ForeignKey('AccessTokenEntity', { name: 'sessions_token_id_fkey', onDelete: 'CASCADE' })
  tokenId: string;

  /** Keyed digest of what the cookie says. */
  @Index('sessions_digest_key', { unique: true })
  @Column('bytea', { select: false })
  digest: Buffer;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' })
  createdAt: Date;

  /** Accurate to a minute. */
  @Column('timestamptz', { name: 'last_used_at', default: () => 'now()' })
  lastUsedAt: Date;

  @Column('timestamptz', { name: 'expires_at' })
  expiresAt: Date;

  /** When the secret that was sent ends, and with it what is made through the session; null: never. */
  @Column('timestamptz', { name: 'authority_ends_at', nullable: true })
  authorityEndsAt: Date | null;
}
