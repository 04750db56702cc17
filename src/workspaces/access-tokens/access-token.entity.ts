import { Check, Column, CreateDateColumn, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import type { Permission, Role } from '../access/roles';

/** An access token of our API. The token itself is shown once and never stored: only its keyed digest is. */
@Entity('access_tokens')
@Index('access_tokens_home_workspace_id', ['homeWorkspaceId'])
@Check('access_tokens_scopes', `cardinality(scopes) > 0`)
@Check('access_tokens_previous', `(previous_digest IS NULL) = (previous_expires_at IS NULL)`)
export class AccessTokenEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'access_tokens_pkey' })
  id: string;

  /** The workspace that the token acts in where the route names none (`/v1`). */
  @Column('uuid', { name: 'home_workspace_id' })
  @ForeignKey('WorkspaceEntity', {
    name: 'access_tokens_home_workspace_id_fkey',
    onDelete: 'CASCADE',
  })
  homeWorkspaceId: string;

  @Column('text')
  name: string;

  /** HMAC-SHA-256 of the token. */
  @Index('access_tokens_digest_key', { unique: true })
  @Column('bytea', { select: false })
  digest: Buffer;

  @Column('text')
  last4: string;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' })
  createdAt: Date;

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt: Date | null;

  @Column('timestamptz', { name: 'last_used_at', nullable: true })
  lastUsedAt: Date | null;

  /** Narrow every role that the token has; null: not narrowed. */
  @Column('text', { array: true, nullable: true })
  scopes: Permission[] | null;

  /** The only agent that it may run as; null: any. */
  @Column('text', { name: 'agent_id', nullable: true })
  agentId: string | null;

  /** Digest of the secret before the last rotation, which works until the overlap ends. */
  @Index('access_tokens_previous_digest_key', { unique: true })
  @Column('bytea', { name: 'previous_digest', nullable: true, select: false })
  previousDigest: Buffer | null;

  @Column('timestamptz', { name: 'previous_expires_at', nullable: true })
  previousExpiresAt: Date | null;
}

/** What a token may do in one workspace. */
@Entity('access_token_grants')
@Index('access_token_grants_workspace_id', ['workspaceId'])
@Check('access_token_grants_role', `role IN ('viewer', 'developer', 'admin', 'owner')`)
export class AccessTokenGrantEntity {
  @PrimaryColumn('uuid', { name: 'token_id', primaryKeyConstraintName: 'access_token_grants_pkey' })
  @ForeignKey('AccessTokenEntity', {
    name: 'access_token_grants_token_id_fkey',
    onDelete: 'CASCADE',
  })
  tokenId: string;

  @PrimaryColumn('uuid', {
    name: 'workspace_id',
    primaryKeyConstraintName: 'access_token_grants_pkey',
  })
  @ForeignKey('WorkspaceEntity', {
    name: 'access_token_grants_workspace_id_fkey',
    onDelete: 'CASCADE',
  })
  workspaceId: string;

  @Column('text')
  role: Role;
}
