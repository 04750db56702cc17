import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';

const KEYS = ['0190d8f0-0000-7000-8000-000000000001', '0190d8f0-0000-7000-8000-000000000002'];

/** An execution as a test wants it in the ledger, with what its attempts cost. */
export interface LedgerEntry {
  readonly agentId: string;
  readonly provider: string;
  readonly model: string;
  readonly apiKeyId: string | null;
  readonly status: string;
  readonly createdAt: Date;
  readonly tokens: readonly [number, number, number, number, number];
  readonly costNanoUsd: bigint | null;
  readonly latencyMs: number;
  readonly failedAttempts: number;
  /** What the provider may have billed of an execution that did not complete. */
  readonly billed: 'no' | 'unknown' | 'partial';
  /** A first finding that a later one corrects. */
  readonly isRevised: boolean;
}

/** Ledgers around the ends of days and with costs beyond what a number is exact for. */
export function entries(from: Date, to: Date): fc.Arbitrary<LedgerEntry[]> {
  const entry = fc.record({
    agentId: fc.constantFrom('agent', 'Agent', '=agent', 'ä,"gent'),
    provider: fc.constantFrom('openai', 'anthropic', 'echo'),
    model: fc.constantFrom('one', 'two'),
    apiKeyId: fc.constantFrom(...KEYS, null),
    status: fc.constantFrom('queued', 'running', 'completed', 'completed', 'failed', 'cancelled'),
    createdAt: fc.date({ min: from, max: new Date(to.getTime() - 1), noInvalidDate: true }),
    tokens: fc.tuple(...tokenCounts()),
    costNanoUsd: fc.option(fc.bigInt(0n, 2n ** 60n)),
    latencyMs: fc.integer({ min: 0, max: 100_000 }),
    failedAttempts: fc.integer({ min: 0, max: 2 }),
    billed: fc.constantFrom('no', 'unknown', 'partial'),
    isRevised: fc.boolean(),
  });
  return fc.array(entry, { maxLength: 25 });
}

function tokenCounts() {
  const count = () => fc.integer({ min: 0, max: 2 ** 31 - 1 });
  return [count(), count(), count(), count(), count()] as const;
}

const isTerminal = ({ status }: LedgerEntry) => !['queued', 'running'].includes(status);

/** Writes the entries as the owner of the tables, in the workspace. */
export async function writeLedger(
  owner: DataSource,
  workspaceId: string,
  ledger: readonly LedgerEntry[],
): Promise<void> {
  for (const entry of ledger) {
    const id = uuidv7({ msecs: entry.createdAt.getTime() });
    await writeExecution(owner, workspaceId, id, entry);
    if (entry.status !== 'queued') await writeAttempts(owner, workspaceId, id, entry);
  }
}

async function writeExecution(
  owner: DataSource,
  workspaceId: string,
  id: string,
  entry: LedgerEntry,
): Promise<void> {
  const isPaid = entry.status === 'completed';
  await owner.query(
    `INSERT INTO agent_executions (id, workspace_id, agent_id, provider, model, api_key_id, status,
       created_at, deadline_at, owner_id, completed_at, latency_ms, usage_source, cost_nano_usd,
       input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, CASE $7 WHEN 'running' THEN $1::uuid END, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
    [
      ...[id, workspaceId, entry.agentId, entry.provider, entry.model, entry.apiKeyId],
      ...[entry.status, entry.createdAt, isTerminal(entry) ? entry.createdAt : null],
      ...[isTerminal(entry) ? entry.latencyMs : null, isPaid ? 'provider' : null],
      ...(isPaid
        ? [entry.costNanoUsd?.toString() ?? null, ...entry.tokens]
        : [null, null, null, null, null, null]),
    ],
  );
}

async function writeAttempts(
  owner: DataSource,
  workspaceId: string,
  id: string,
  entry: LedgerEntry,
): Promise<void> {
  const last = entry.failedAttempts + 1;
  for (let number = 1; number <= last; number += 1) {
    await owner.query(
      `INSERT INTO execution_attempts (execution_id, attempt_number, workspace_id, provider, model, started_at)
       VALUES ($1, $2, $3, $4, $5, $6)`,
      [id, number, workspaceId, entry.provider, entry.model, entry.createdAt],
    );
    const outcome = async (revision: number, billed: string, cost: bigint | null) =>
      owner.query(
        `INSERT INTO attempt_outcomes (execution_id, attempt_number, revision, workspace_id, billed,
           cost_nano_usd, latency_ms, ended_at) VALUES ($1, $2, $3, $4, $5, $6, 1, $7)`,
        [id, number, revision, workspaceId, billed, cost?.toString() ?? null, entry.createdAt],
      );
    if (number < last) await outcome(1, 'no', null);
    else if (isTerminal(entry)) {
      const isPaid = entry.status === 'completed';
      if (entry.isRevised) await outcome(1, isPaid ? 'unknown' : 'partial', isPaid ? 1n : null);
      const billed = isPaid ? 'yes' : entry.billed;
      await outcome(entry.isRevised ? 2 : 1, billed, isPaid ? entry.costNanoUsd : null);
    }
  }
}
