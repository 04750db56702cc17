import { Check, Column, CreateDateColumn, Entity, Index, PrimaryColumn } from 'typeorm';

/** A workspace's data key, wrapped under a root key. `workspaceId` null: the server's own data key. */
@Entity('workspace_data_keys')
@Index('workspace_data_keys_active', ['workspaceId'], {
  unique: true,
  where: `state = 'active' AND workspace_id IS NOT NULL`,
})
@Index('workspace_data_keys_active_server', ['state'], {
  unique: true,
  where: `state = 'active' AND workspace_id IS NULL`,
})
@Check('workspace_data_keys_state', `state IN ('active', 'retired')`)
@Check('workspace_data_keys_wrapped', `wrapped ~ '^w1:'`)
export class DataKeyEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'workspace_data_keys_pkey' })
  id: string;

  @Column('uuid', { name: 'workspace_id', nullable: true })
  workspaceId: string | null;

  @Column('text')
  state: 'active' | 'retired';

  @Column('text', { name: 'root_key_id' })
  rootKeyId: string;

  @Column('text')
  wrapped: string;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' })
  createdAt: Date;
}
