import { Injectable } from '@nestjs/common';
import { AuditChains } from './audit-chains';
import type { AuditHead, AuditRecord } from './audit-record';
import { type BrokenLink, ChainCheck } from './chain-check';
import { InvalidExport, parseExportLine } from './export-line';

/** What a verification of one trail found. */
export interface AuditVerification {
  /** Whose chain; null: the server's. */
  readonly workspaceId: string | null;
  readonly ok: boolean;
  /** How many events there are. */
  readonly events: number;
  /** Where the chain ends. Kept elsewhere, it proves later that nothing before it was changed. */
  readonly head: AuditHead | null;
  readonly firstBroken: BrokenLink | null;
}

/** Recomputes the chains of the audit trail in the database. */
@Injectable()
export class AuditVerifier {
  constructor(private readonly chains: AuditChains) {}

  /**
   * @param workspaceId - null: the chain of the server.
   * @param anchor - an end of the chain that was kept elsewhere.
   */
  async verify(
    workspaceId: string | null,
    anchor: AuditHead | null = null,
  ): Promise<AuditVerification> {
    const check = new ChainCheck(workspaceId, anchor);
    for (;;) {
      const page = await this.chains.page(workspaceId, check.position);
      for (const record of page) check.add(record);
      if (page.length > 0) continue;
      // Events and head are committed together. Read later than the events, a head beyond them means that
      // more were appended meanwhile, and these can be read by now; or that some are missing.
      const head = await this.chains.head(workspaceId);
      if (head !== null && head.sequence > check.position) {
        const rest = await this.chains.page(workspaceId, check.position);
        for (const record of rest) check.add(record);
        if (rest.length > 0) continue;
      }
      check.end(head);
      return conclude(workspaceId, check, head);
    }
  }

  /** Every chain of the database: the server's first. */
  async *verifyAll(): AsyncGenerator<AuditVerification> {
    for (const workspaceId of await this.chains.owners()) yield await this.verify(workspaceId);
  }
}

/**
 * Recomputes the chain of an export, without any database.
 * @param onEvent - gets every event, before it is known whether the rest of the chain holds.
 * @throws {InvalidExport} a line that no export has.
 */
export async function verifyExport(
  lines: AsyncIterable<string>,
  onEvent: (event: AuditRecord) => void = () => undefined,
): Promise<AuditVerification> {
  let check: ChainCheck | null = null;
  let workspaceId: string | null = null;
  let head: AuditHead | null = null;
  let lineNumber = 0;
  for await (const text of lines) {
    lineNumber += 1;
    const line = parseExportLine(text, lineNumber);
    if (head !== null) throw new InvalidExport(lineNumber, 'comes after the end of the export');
    if (check === null) {
      ({ workspaceId } = line.head ?? line.event);
      check = new ChainCheck(workspaceId);
    }
    if (line.head === null) {
      check.add(line.event);
      onEvent(line.event);
    } else if (line.head.workspaceId === workspaceId) {
      head = { sequence: line.head.sequence, hash: line.head.hash };
    }
  }
  if (check === null) throw new InvalidExport(1, 'is missing: the file is empty');
  check.end(head);
  return conclude(workspaceId, check, head);
}

function conclude(
  workspaceId: string | null,
  check: ChainCheck,
  head: AuditHead | null,
): AuditVerification {
  const { events, firstBroken } = check;
  return { workspaceId, ok: firstBroken === null, events, head, firstBroken };
}
