import { Check, Column, CreateDateColumn, Entity, PrimaryColumn, UpdateDateColumn } from 'typeorm';

/** `full`: prompts and answers, sealed; `metadata`: neither. */
export const STORE_CONTENT = ['full', 'metadata'] as const;
export type StoreContent = (typeof STORE_CONTENT)[number];
export const ON_DISCONNECT = ['finish', 'cancel'] as const;
export type OnDisconnect = (typeof ON_DISCONNECT)[number];

/** A tenant: its keys, tokens and executions are its own. */
@Entity('workspaces')
@Check('workspaces_name_length', `char_length(name) BETWEEN 1 AND 100`)
@Check('workspaces_store_content', `store_content IN ('full', 'metadata')`)
@Check('workspaces_on_disconnect', `on_disconnect IN ('finish', 'cancel')`)
export class WorkspaceEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'workspaces_pkey' })
  id: string;

  @Column('text')
  name: string;

  /** Whether prompts and answers are kept; null: as the server is set. */
  @Column('text', { name: 'store_content', nullable: true })
  storeContent: StoreContent | null;

  /** What becomes of an execution whose client hung up. */
  @Column('text', { name: 'on_disconnect', default: 'finish' })
  onDisconnect: OnDisconnect;

  /** Whether vendors that can are asked to store answers, so that a lost one can be looked up. */
  @Column('boolean', { name: 'store_at_provider', default: false })
  storeAtProvider: boolean;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' })
  createdAt: Date;

  @UpdateDateColumn({ type: 'timestamptz', name: 'updated_at' })
  updatedAt: Date;
}
