import { z } from 'zod';
import type { AuditHead, AuditRecord } from './audit-record';

const HASH = z.string().regex(/^[0-9a-f]{64}$/);
const NAME = z.string().min(1);
const SCALAR = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const EVENT = z.strictObject({
  id: z.uuid(),
  workspaceId: z.uuid().nullable(),
  sequence: z.int().min(1),
  occurredAt: NAME,
  actor: NAME,
  action: NAME,
  subjectType: NAME,
  subjectId: z.uuid().nullable(),
  purpose: z.string().nullable(),
  requestId: z.string().nullable(),
  details: z.record(z.string(), SCALAR),
  previousHash: HASH,
  hash: HASH,
}) satisfies z.ZodType<AuditRecord>;

const HEAD = z.strictObject({
  head: z.strictObject({
    workspaceId: z.uuid().nullable(),
    sequence: z.int().min(0),
    hash: HASH,
  }),
});

type ExportedHead = AuditHead & { readonly workspaceId: string | null };

/** A line of an export: an event, or, as the last one, where the chain ended. */
export type ExportLine =
  | { readonly event: AuditRecord; readonly head: null }
  | { readonly event: null; readonly head: ExportedHead };

/** A file that no export of ours is, or that was edited. */
export class InvalidExport extends Error {
  constructor(lineNumber: number, reason: string) {
    super(`Line ${lineNumber} ${reason}.`);
    this.name = 'InvalidExport';
  }
}

export function formatEventLine(record: AuditRecord): string {
  return `${JSON.stringify(record)}\n`;
}

export function formatHeadLine(workspaceId: string | null, { sequence, hash }: AuditHead): string {
  return `${JSON.stringify({ head: { workspaceId, sequence, hash } })}\n`;
}

/**
 * Reads a line that is exactly as it was exported. A field that was added or stands there twice would not
 * change the hash, but what the file says to its reader.
 * @throws {InvalidExport}
 */
export function parseExportLine(text: string, lineNumber: number): ExportLine {
  const value = parseJson(text, lineNumber);
  if (JSON.stringify(value) !== text) throw new InvalidExport(lineNumber, 'was edited');
  const head = HEAD.safeParse(value);
  if (head.success) return { event: null, head: head.data.head };
  const event = EVENT.safeParse(value);
  if (event.success) return { event: event.data, head: null };
  throw new InvalidExport(lineNumber, 'is no audit event');
}

function parseJson(text: string, lineNumber: number): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new InvalidExport(lineNumber, 'is no JSON');
  }
}
