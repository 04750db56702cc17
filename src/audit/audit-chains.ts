import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { AppError } from '../common';
import { TenantDatabase } from '../database';
import type { AuditHead, AuditRecord } from './audit-record';
import type { ListAuditEventsQuery } from './dto/list-audit-events.query';

const PAGE_SIZE = 1_000;

const EVENT = `
  SELECT id, workspace_id AS "workspaceId", sequence::float8 AS sequence,
         to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "occurredAt",
         actor, action, subject_type AS "subjectType", subject_id AS "subjectId", purpose,
         request_id AS "requestId", details, encode(previous_hash, 'hex') AS "previousHash",
         encode(hash, 'hex') AS hash`;
const HEAD = `SELECT sequence::float8 AS sequence, encode(hash, 'hex') AS hash`;

/** Reads the audit trail. A workspace null is the server itself. */
@Injectable()
export class AuditChains {
  constructor(
    private readonly dataSource: DataSource,
    private readonly tenants: TenantDatabase,
  ) {}

  /** Everybody who has a chain: the server and every workspace. */
  async owners(): Promise<(string | null)[]> {
    const rows = await this.dataSource.query<{ workspaceId: string | null }[]>(
      'SELECT workspace_id AS "workspaceId" FROM list_audit_chains()',
    );
    return rows.map((row) => row.workspaceId);
  }

  /** Where the chain ends; null: there is no such chain. */
  async head(workspaceId: string | null): Promise<AuditHead | null> {
    const [head] = await this.in(workspaceId, (manager) =>
      workspaceId === null
        ? manager.query<AuditHead[]>(`${HEAD} FROM read_server_audit_head()`)
        : manager.query<AuditHead[]>(`${HEAD} FROM audit_heads WHERE workspace_id = $1`, [
            workspaceId,
          ]),
    );
    return head ?? null;
  }

  /** The next events of the chain in their order; none: that was the last. */
  async page(workspaceId: string | null, afterSequence: number): Promise<AuditRecord[]> {
    return this.in(workspaceId, (manager) =>
      workspaceId === null
        ? manager.query<AuditRecord[]>(`${EVENT} FROM read_server_audit_events($1, $2)`, [
            afterSequence,
            PAGE_SIZE,
          ])
        : manager.query<AuditRecord[]>(
            `${EVENT} FROM audit_events WHERE workspace_id = $1 AND sequence > $2
              ORDER BY audit_events.sequence LIMIT $3`,
            [workspaceId, afterSequence, PAGE_SIZE],
          ),
    );
  }

  /** Newest first; one more than the limit if there is one. */
  async list(workspaceId: string, query: ListAuditEventsQuery): Promise<AuditRecord[]> {
    const values: unknown[] = [workspaceId, query.limit + 1];
    const conditions = ['workspace_id = $1'];
    const add = (value: unknown, condition: (parameter: string) => string) => {
      if (value === undefined) return;
      values.push(value);
      conditions.push(condition(`$${values.length}`));
    };
    add(query.action, (parameter) => `action = ${parameter}`);
    add(query.actor?.toLowerCase(), (parameter) => `actor = ${parameter}`);
    add(query.subjectId, (parameter) => `subject_id = ${parameter}`);
    add(instant(query.from), (parameter) => `occurred_at >= ${parameter}::timestamptz`);
    add(instant(query.to), (parameter) => `occurred_at < ${parameter}::timestamptz`);
    // By the place in the chain, which the ids follow only roughly: some events are appended later.
    add(
      query.after,
      (parameter) =>
        `sequence < (SELECT cursor.sequence FROM audit_events cursor
                      WHERE cursor.id = ${parameter} AND cursor.workspace_id = $1)`,
    );
    const text = `${EVENT} FROM audit_events WHERE ${conditions.join(' AND ')}
      ORDER BY audit_events.sequence DESC LIMIT $2`;
    return this.tenants.read(workspaceId, (manager) => manager.query<AuditRecord[]>(text, values));
  }

  /**
   * The chain up to where it ends now, page by page: no connection is held while the taker is slow.
   * @throws {AppError} `not_found` when the workspace is gone or the caller's access to it.
   */
  async *pages(workspaceId: string | null, end: AuditHead): AsyncGenerator<readonly AuditRecord[]> {
    for (let position = 0; position < end.sequence;) {
      const page = await this.page(workspaceId, position);
      const last = page.at(-1);
      if (last === undefined) {
        await this.headOrThrow(workspaceId);
        return;
      }
      yield page.filter((record) => record.sequence <= end.sequence);
      position = last.sequence;
    }
  }

  /** @throws {AppError} `not_found` */
  async headOrThrow(workspaceId: string | null): Promise<AuditHead> {
    const head = await this.head(workspaceId);
    if (head === null) throw new AppError('not_found', 'No such workspace.');
    return head;
  }

  private async in<T>(
    workspaceId: string | null,
    work: (manager: EntityManager) => Promise<T>,
  ): Promise<T> {
    if (workspaceId === null) return work(this.dataSource.manager);
    return this.tenants.read(workspaceId, work);
  }
}

/** PostgreSQL takes fewer offsets from UTC than ISO 8601 has. */
function instant(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : new Date(text);
}
