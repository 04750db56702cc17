import type { TestApp } from './test-app';

/** A row of `audit_events`, as the owner of the tables sees it. */
export interface AuditRow {
  readonly id: string;
  readonly workspace_id: string | null;
  readonly sequence: string;
  readonly occurred_at: Date;
  readonly actor: string;
  readonly action: string;
  readonly subject_type: string;
  readonly subject_id: string | null;
  readonly purpose: string | null;
  readonly request_id: string | null;
  readonly details: Record<string, unknown>;
}

/** The chain of a workspace, or of the server (null), in its order. */
export async function auditRows(
  { database }: TestApp,
  workspaceId: string | null,
): Promise<AuditRow[]> {
  return database.dataSource.query<AuditRow[]>(
    `SELECT * FROM audit_events WHERE workspace_id IS NOT DISTINCT FROM $1 ORDER BY sequence`,
    [workspaceId],
  );
}

/** Changes the trail as somebody would who owns the database: past every trigger. */
export async function tamper({ database }: TestApp, ...statements: string[]): Promise<void> {
  await database.dataSource.transaction(async (manager) => {
    await manager.query(`SET LOCAL session_replication_role = replica`);
    for (const statement of statements) await manager.query(statement);
  });
}
