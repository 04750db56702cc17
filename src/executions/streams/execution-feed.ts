import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import type { StandingClaim } from '../../workspaces';
import type { ListExecutionsQuery } from '../dto/list-executions.query';
import { presentSummary } from '../dto/present-execution';
import { ExecutionQueries } from '../ledger/execution-queries';
import { OpenReaders } from './open-readers';
import type { SseResponse } from './sse-response';

const LOOK_MS = 1_000;

/**
 * Tells a client what becomes of the newest executions of a list: each once as it is, and again when it changes. The
 * ledger is asked once a second, so it makes no difference on which server an execution runs.
 */
@Injectable()
export class ExecutionFeed {
  constructor(
    private readonly queries: ExecutionQueries,
    private readonly readers: OpenReaders,
  ) {}

  /**
   * Resolves when the client is gone or may not read any more. A database that is away is asked again.
   * @throws {AppError} `too_many_requests`
   */
  async follow(
    principal: StandingClaim['principal'],
    query: ListExecutionsQuery,
    response: Response,
  ): Promise<void> {
    const { workspaceId } = principal;
    const claim = { principal, permission: 'executions:read', agentId: query.agentId } as const;
    const client = this.readers.open(claim, response);
    let told = new Map<string, string>();
    while (client.isOpen) {
      // What happens while a client reads nothing is told when it reads again.
      if (!client.isBehind) told = await this.tellChanges(workspaceId, query, { client, told });
      await delay(LOOK_MS);
    }
  }

  private async tellChanges(
    workspaceId: string,
    query: ListExecutionsQuery,
    { client, told }: { client: SseResponse; told: Map<string, string> },
  ): Promise<Map<string, string>> {
    try {
      const records = await this.queries.list(workspaceId, query);
      const now = new Map<string, string>();
      // The oldest first: a client that puts each on top of its list has the order of the list.
      for (const record of records.slice(0, query.limit).reverse()) {
        const summary = presentSummary(record);
        const text = JSON.stringify(summary);
        now.set(record.id, text);
        if (told.get(record.id) !== text) client.tell('execution', summary);
      }
      return now;
    } catch {
      return told;
    }
  }
}
