import { Injectable } from '@nestjs/common';
import { AuditChains } from './audit-chains';
import type { AuditHead, AuditRecord } from './audit-record';
import { formatEventLine, formatHeadLine } from './export-line';

/** The chains of the database as the lines of exports. */
@Injectable()
export class AuditExports {
  constructor(private readonly chains: AuditChains) {}

  /** Everybody who has a chain: the server (null) and every workspace. */
  async owners(): Promise<readonly (string | null)[]> {
    return this.chains.owners();
  }

  /**
   * The chain up to where it ends now.
   * @throws {AppError} `not_found`
   */
  async *lines(workspaceId: string | null): AsyncGenerator<string> {
    const head = await this.chains.headOrThrow(workspaceId);
    yield* exportLines(this.chains.pages(workspaceId, head), workspaceId, head);
  }

  /** The first event of the chain, which every export of it begins with; null: there is none. */
  async origin(workspaceId: string | null): Promise<AuditRecord | null> {
    const [first] = await this.chains.page(workspaceId, 0);
    return first ?? null;
  }
}

/** An export, piece by piece. */
export async function* exportLines(
  pages: AsyncIterable<readonly AuditRecord[]>,
  workspaceId: string | null,
  head: AuditHead,
): AsyncGenerator<string> {
  for await (const page of pages) yield page.map(formatEventLine).join('');
  yield formatHeadLine(workspaceId, head);
}
