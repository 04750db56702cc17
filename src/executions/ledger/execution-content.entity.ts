import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The answer of the model, sealed, apart from the narrow row of the ledger. */
@Entity('execution_outputs')
export class ExecutionOutputEntity {
  @PrimaryColumn('uuid', {
    name: 'execution_id',
    primaryKeyConstraintName: 'execution_outputs_pkey',
  })
  executionId: string;

  @Column('uuid', { name: 'workspace_id' })
  workspaceId: string;

  @Column('bytea')
  sealed: Buffer;
}

/** What the model was asked, sealed. */
@Entity('execution_requests')
export class ExecutionRequestEntity {
  @PrimaryColumn('uuid', {
    name: 'execution_id',
    primaryKeyConstraintName: 'execution_requests_pkey',
  })
  executionId: string;

  @Column('uuid', { name: 'workspace_id' })
  workspaceId: string;

  @Column('bytea')
  sealed: Buffer;

  /** It is stored because it has to wait, and goes when its execution ends. */
  @Column('boolean', { name: 'until_end', default: false })
  untilEnd: boolean;
}
