import { createHash } from 'node:crypto';

/** An event as it is listed, exported and hashed. */
export interface AuditRecord {
  readonly id: string;
  /** Null: the chain of the server. */
  readonly workspaceId: string | null;
  readonly sequence: number;
  /** ISO 8601, UTC, microseconds: exactly the text that is hashed. */
  readonly occurredAt: string;
  readonly actor: string;
  readonly action: string;
  readonly subjectType: string;
  readonly subjectId: string | null;
  readonly purpose: string | null;
  readonly requestId: string | null;
  readonly details: Readonly<Record<string, unknown>>;
  /** Hexadecimal, as `hash`. */
  readonly previousHash: string;
  readonly hash: string;
}

/** Where a chain ends. */
export interface AuditHead {
  readonly sequence: number;
  readonly hash: string;
}

/** What the first event of a chain follows. */
export const ORIGIN_HASH = '0'.repeat(64);

/**
 * The hash that the record must have, by docs/audit.md. Written independently of the database's function, so
 * that a fault in one of the two does not go unnoticed.
 */
export function hashOf(record: AuditRecord): string {
  const fields = [
    'keyrun-audit-v1',
    record.previousHash,
    record.workspaceId,
    String(record.sequence),
    record.id,
    record.occurredAt,
    record.actor,
    record.action,
    record.subjectType,
    record.subjectId,
    record.purpose,
    record.requestId,
    canonicalJson(record.details),
  ];
  return createHash('sha256').update(fields.map(netstring).join('')).digest('hex');
}

/** The length in bytes of UTF-8, the text; nothing looks like a text that is absent. */
function netstring(text: string | null): string {
  return text === null ? '-,' : `${Buffer.byteLength(text)}:${text},`;
}

/** RFC 8785 for a flat object. By hand, because an object of ours would put names like `10` first. */
function canonicalJson(details: Readonly<Record<string, unknown>>): string {
  const names = Object.keys(details).sort();
  const members = names.map((name) => `${JSON.stringify(name)}:${JSON.stringify(details[name])}`);
  return `{${members.join(',')}}`;
}
