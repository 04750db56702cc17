import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { AuditRecord } from '../audit';
import { appendAuditEvents, type AuditDetails, closeAuditTrail } from '../audit-trail';
import { DataKeys } from '../crypto';

/** How a row is found ($1: its ids, $2: the workspace in whose chain the event is) and removed with what hangs on it. */
const DELETIONS = {
  'workspace.deleted': {
    find: 'SELECT id FROM workspaces WHERE id = ANY($1) AND $2::uuid IS NULL',
    remove: ['DELETE FROM workspaces WHERE id = ANY($1) AND $2::uuid IS NULL'],
  },
  'api-key.deleted': {
    find: 'SELECT id FROM api_keys WHERE id = ANY($1) AND workspace_id = $2',
    remove: ['DELETE FROM api_keys WHERE id = ANY($1) AND workspace_id = $2'],
  },
  'token.revoked': {
    find: 'SELECT token_id AS id FROM access_token_grants WHERE token_id = ANY($1) AND workspace_id = $2',
    remove: [
      'DELETE FROM access_token_grants WHERE token_id = ANY($1) AND workspace_id = $2',
      'DELETE FROM access_tokens WHERE id = ANY($1) AND home_workspace_id = $2',
    ],
  },
  'session.ended': {
    find: 'SELECT id FROM sessions WHERE id = ANY($1) AND workspace_id = $2',
    remove: ['DELETE FROM sessions WHERE id = ANY($1) AND workspace_id = $2'],
  },
  'webhook.deleted': {
    find: 'SELECT id FROM webhooks WHERE id = ANY($1) AND workspace_id = $2',
    remove: ['DELETE FROM webhooks WHERE id = ANY($1) AND workspace_id = $2'],
  },
};

/** Where a row is older than the export says: nothing can be deleted, and somebody has to act. */
const STALE = {
  'api-key.secret-replaced': {
    find: `SELECT id FROM api_keys WHERE id = $1 AND workspace_id = $2
            AND secret_version < ($3::jsonb ->> 'secretVersion')::integer`,
    advice: 'had its secret replaced since; the former one is back. Save the new one, or delete it',
  },
  'token.rotated': {
    find: `SELECT token.id FROM access_tokens token
             JOIN access_token_grants access ON access.token_id = token.id
            WHERE token.id = $1 AND access.workspace_id = $2 AND token.last4 <> $3::jsonb ->> 'last4'`,
    advice: 'was rotated since; its former text is valid again. Rotate or revoke it',
  },
};

/** Gives a token access to a workspace that it may have lost before. */
const PASSED_ON = 'workspace.passed-on';

type Deletion = keyof typeof DELETIONS;
type Replacement = keyof typeof STALE;

/** A row that is back and has to be looked at. */
export interface StaleRow {
  readonly event: AuditRecord;
  readonly advice: string;
}

/** Whether {@link RestoredRows} has to know of the event. */
export function concernsRestoredRows({ action }: AuditRecord): boolean {
  return action === PASSED_ON || Object.hasOwn(DELETIONS, action) || Object.hasOwn(STALE, action);
}

/** Rows that a restored backup brought back although the audit trail, exported later, tells of their end. */
@Injectable()
export class RestoredRows {
  constructor(
    private readonly dataSource: DataSource,
    private readonly dataKeys: DataKeys,
  ) {}

  /**
   * One event for each row that was deleted and is there, workspaces last.
   * @param events - of any number of chains, each in its order.
   */
  async deleted(events: readonly AuditRecord[]): Promise<AuditRecord[]> {
    const found: AuditRecord[] = [];
    for (const event of lastDeletions(events)) {
      const { find } = DELETIONS[event.action as Deletion];
      const rows = await this.dataSource.query<object[]>(find, [
        [event.subjectId],
        event.workspaceId,
      ]);
      if (rows.length > 0) found.push(event);
    }
    return [...found.filter(isWithin), ...found.filter((event) => !isWithin(event))];
  }

  /** The last replacement of each row that is as it was before. */
  async stale(events: readonly AuditRecord[]): Promise<StaleRow[]> {
    const last = new Map(
      events
        .filter(({ action }) => Object.hasOwn(STALE, action))
        .map((event) => [event.subjectId, event]),
    );
    const found: StaleRow[] = [];
    for (const event of last.values()) {
      const { find, advice } = STALE[event.action as Replacement];
      const rows = await this.dataSource.query<object[]>(find, [
        event.subjectId,
        event.workspaceId,
        JSON.stringify(event.details),
      ]);
      if (rows.length > 0) found.push({ event, advice });
    }
    return found;
  }

  /** Deletes what {@link RestoredRows.deleted} found, and records it anew in the same transaction. */
  async deleteAgain(events: readonly AuditRecord[]): Promise<void> {
    await this.dataSource.transaction(async (transaction) => {
      for (const event of events) await this.deleteOne(event, transaction);
    });
    for (const { action, subjectId } of events) {
      if (action === 'workspace.deleted') this.dataKeys.evict(subjectId);
    }
  }

  /** Workspaces without an owner: the one that they passed on to came after the backup. */
  async ownerless(): Promise<string[]> {
    const rows = await this.dataSource.query<{ id: string }[]>(`
      SELECT id FROM workspaces WHERE NOT EXISTS (
        SELECT FROM access_token_grants WHERE workspace_id = workspaces.id AND role = 'owner')`);
    return rows.map(({ id }) => id);
  }

  private async deleteOne(event: AuditRecord, transaction: EntityManager): Promise<void> {
    const { workspaceId, subjectId } = event;
    const action = event.action as Deletion;
    let details = event.details as AuditDetails;
    if (action === 'workspace.deleted' && subjectId !== null) {
      await this.dataKeys.destroy(subjectId, transaction);
      details = await closeAuditTrail(transaction, subjectId);
    }
    for (const statement of DELETIONS[action].remove) {
      await transaction.query(statement, [[subjectId], workspaceId]);
    }
    await appendAuditEvents(transaction, { workspaceId, action, subjectId, details });
  }
}

function lastDeletions(events: readonly AuditRecord[]): Iterable<AuditRecord> {
  const last = new Map<string, AuditRecord>();
  for (const event of events) {
    const { action, workspaceId, subjectId, details } = event;
    if (Object.hasOwn(DELETIONS, action)) {
      last.set([action, workspaceId, subjectId].join(), event);
    } else if (action === PASSED_ON) {
      last.delete(['token.revoked', workspaceId, details.tokenId].join());
    }
  }
  return last.values();
}

function isWithin({ workspaceId }: AuditRecord): boolean {
  return workspaceId !== null;
}
