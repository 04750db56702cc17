import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { ExecutionQueue } from '../../queue';

const ROWS_MAX = 200;
/** A queued execution that nobody took for so long has lost its wake-up. */
const OVERDUE_SECONDS = 30;

const OVERDUE = `
  SELECT execution_id AS "executionId", workspace_id AS "workspaceId"
    FROM take_overdue_executions($1, $2)`;

/** Wakes up what waits in the ledger and is missing in the queue. */
@Injectable()
export class OverdueExecutions {
  constructor(
    private readonly dataSource: DataSource,
    private readonly queue: ExecutionQueue,
  ) {}

  async wakeUp(): Promise<void> {
    await this.dataSource.transaction(async (manager) => {
      const overdue = await manager.query<{ executionId: string; workspaceId: string }[]>(OVERDUE, [
        OVERDUE_SECONDS,
        ROWS_MAX,
      ]);
      for (const wakeUp of overdue) await this.queue.enqueue(manager, wakeUp);
    });
  }
}
