import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AppError } from '../../common';
import { Environment } from '../../config';

const ENTER = 'SELECT enter_queue($1, $2) AS "hasRoom"';
const RETRY_AFTER_MS = 10_000;

/** Keeps one workspace from filling the queue of all. */
@Injectable()
export class QueueLimit {
  constructor(private readonly environment: Environment) {}

  /**
   * Whether one more may be queued, by the caller's transaction: what it finds out holds until that ends, whatever
   * other requests and servers do.
   */
  async hasRoom(manager: EntityManager, workspaceId: string): Promise<boolean> {
    const most = this.environment.queuedExecutionsPerWorkspace;
    const [row] = await manager.query<{ hasRoom: boolean }[]>(ENTER, [workspaceId, most]);
    return row?.hasRoom === true;
  }

  /** What a client is told when there is none. */
  get refusal(): AppError {
    const most = this.environment.queuedExecutionsPerWorkspace;
    const detail = `${most} executions of this workspace wait in the queue, and no more may. Wait for Retry-After.`;
    return new AppError('too_many_requests', detail, { retryAfterMs: RETRY_AFTER_MS });
  }
}
