import { Check, Column, CreateDateColumn, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** What seals the prompts and answers of a workspace. The key itself exists only inside the envelope. */
@Entity('content_keys')
@Index('content_keys_workspace_id', ['workspaceId'], { unique: true })
@Check('content_keys_encrypted_key', `encrypted_key ~ '^s1:[0-9a-f-]{36}:[A-Za-z0-9_-]{80}$'`)
export class ContentKeyEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'content_keys_pkey' })
  id: string;

  @Column('uuid', { name: 'workspace_id' })
  @ForeignKey('WorkspaceEntity', { name: 'content_keys_workspace_id_fkey', onDelete: 'CASCADE' })
  workspaceId: string;

  @Column('text', { name: 'encrypted_key', select: false })
  encryptedKey: string;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' })
  createdAt: Date;
}
