import { v7 as uuidv7 } from 'uuid';
import { Environment } from '../../src/config';
import { PreparedStatements } from '../../src/database';
import { ExecutionLedger, type StartedRow } from '../../src/executions/ledger/execution-ledger';
import {
  type AttemptKey,
  type ExecutionStart,
  type Settlement,
  settlementRow,
} from '../../src/executions/ledger/ledger-rows';
import { ServerIdentity } from '../../src/executions/lifecycle/server-identity';
import { until } from '../process/server-process';
import { createTestDatabase, type TestDatabase } from './test-database';

const LEASE_MS = 60_000;

/** One server, as the ledger sees it. */
export interface LedgerServer {
  readonly id: string;
  readonly ledger: ExecutionLedger;
}

/** The statements of the ledger on a database of their own, with as many servers as a test wants. */
export class LedgerBench {
  private constructor(
    readonly database: TestDatabase,
    readonly workspaceId: string,
  ) {}

  static async start(): Promise<LedgerBench> {
    const database = await createTestDatabase();
    const workspaceId = uuidv7();
    await database.dataSource.query(`INSERT INTO workspaces (id, name) VALUES ($1, 'Ledger')`, [
      workspaceId,
    ]);
    return new LedgerBench(database, workspaceId);
  }

  async close(): Promise<void> {
    await this.database.drop();
  }

  async server(variables: Record<string, string> = {}): Promise<LedgerServer> {
    const identity = new ServerIdentity();
    const environment = Environment.parse({ NODE_ENV: 'test', ...variables });
    const statements = new PreparedStatements(this.database.runtime);
    const ledger = new ExecutionLedger(statements, environment, identity);
    await this.renew(identity.id);
    return { id: identity.id, ledger };
  }

  /** @returns what the server is told to cancel. */
  async renew(serverId: string, leaseMs = LEASE_MS): Promise<string[]> {
    const rows = await this.database.runtime.query<{ execution_id: string }[]>(
      'SELECT execution_id FROM renew_lease($1, $2)',
      [serverId, leaseMs],
    );
    return rows.map((row) => row.execution_id);
  }

  /** The lease of the server has run out. */
  async expire(serverId: string): Promise<void> {
    await this.renew(serverId, -1_000);
  }

  async sweep(leavingServer: string | null = null) {
    return this.database.runtime.query<{ execution_id: string; status: string }[]>(
      'SELECT execution_id, status FROM interrupt_executions($1, 100, $2)',
      [leavingServer, 'The server ended.'],
    );
  }

  async start(
    { ledger }: LedgerServer,
    more: Partial<ExecutionStart> = {},
  ): Promise<StartedRow & { id: string }> {
    const id = uuidv7();
    const started = await ledger.start({
      id,
      workspaceId: this.workspaceId,
      agentId: 'agent',
      provider: 'echo',
      model: 'echo',
      apiKeyId: null,
      metadata: null,
      timeoutMs: 60_000,
      mode: 'sync',
      request: null,
      idempotency: null,
      ...more,
    });
    return { ...started, id };
  }

  key(executionId: string, more: Partial<AttemptKey> = {}): AttemptKey {
    return { executionId, workspaceId: this.workspaceId, attemptNumber: 1, fence: 1, ...more };
  }

  /** @returns whether there was something to settle. */
  async settle(
    { ledger }: LedgerServer,
    key: AttemptKey,
    more: Partial<Settlement> = {},
  ): Promise<boolean> {
    return ledger.settle(settlementRow(key, { ...COMPLETED, ...more }));
  }

  async claim({ id }: LedgerServer, executionId: string) {
    const [row] = await this.database.runtime.query<{ fence: number; attempt_number: number }[]>(
      'SELECT fence, attempt_number FROM claim_execution($1, $2, $3, NULL)',
      [executionId, this.workspaceId, id],
    );
    return row ?? null;
  }

  async row(executionId: string) {
    const [row] = await this.database.dataSource.query<
      {
        status: string;
        fence: number;
        owner_id: string | null;
        cost: string | null;
        error: unknown;
      }[]
    >(
      `SELECT status, fence, owner_id, cost_nano_usd AS cost, error FROM agent_executions WHERE id = $1`,
      [executionId],
    );
    return row!;
  }

  /** Resolves when a statement of this database waits for the lock of another. */
  async untilSomeoneWaits(): Promise<void> {
    await until('a lock', async () => {
      const waiting = await this.database.dataSource.query<object[]>(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return waiting.length > 0 ? true : null;
    });
  }

  async outcomes(executionId: string) {
    return this.database.dataSource.query<
      { attempt: number; revision: number; category: string | null; billed: string }[]
    >(
      `SELECT attempt_number AS attempt, revision, error_category AS category, billed
         FROM attempt_outcomes WHERE execution_id = $1 ORDER BY 1, 2`,
      [executionId],
    );
  }
}

export const OUTCOME: Settlement['outcome'] = {
  errorCategory: null,
  billed: 'yes',
  upstreamStatus: null,
  upstreamCode: null,
  providerRequestId: null,
  model: 'echo',
  usage: {
    inputTokens: 1,
    outputTokens: 2,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
    source: 'provider',
  },
  costNanoUsd: 5n,
  price: null,
  latencyMs: 1,
  waitMs: null,
};

export const COMPLETED: Settlement = {
  status: 'completed',
  outcome: OUTCOME,
  totals: { usage: OUTCOME.usage, costNanoUsd: 5n },
  finishReason: 'stop',
  error: null,
  output: null,
  sealedOutput: Buffer.from('sealed'),
  completedAt: new Date('2026-11-24T12:00:00Z'),
  latencyMs: 1,
  timeToFirstTokenMs: null,
};

/** A failure that was certainly not billed. */
export const FAILED: Partial<Settlement> = {
  status: 'failed',
  outcome: {
    ...OUTCOME,
    errorCategory: 'server_error',
    billed: 'no',
    usage: null,
    costNanoUsd: null,
  },
  totals: { usage: null, costNanoUsd: null },
  finishReason: null,
  sealedOutput: null,
  error: {
    category: 'server_error',
    code: 'server_error',
    message: 'The provider failed.',
    retryable: true,
    billed: 'no',
  },
};
