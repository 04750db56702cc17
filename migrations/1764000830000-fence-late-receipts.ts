import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A late receipt completes what was interrupted, but only that of the server that was interrupted. One that had lost
 * the execution before, to a server that was interrupted later, knows nothing of the call that may have been paid.
 */
export class FenceLateReceipts1764000830000 implements MigrationInterface {
  readonly name = 'FenceLateReceipts1764000830000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(settleExecutions('execution.fence = settlement.fence + 1'));
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(settleExecutions('execution.fence > settlement.fence'));
  }
}

const DEFINER = 'SECURITY DEFINER SET search_path = public, pg_temp';
/** By the key, always: the planner takes a JSON list for a hundred rows and would rather read everything. */
const BY_KEY = 'SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off';

/** Columns that the functions read from each JSON row, with their types. */
const OUTCOME_FIELDS = `execution_id uuid, attempt_number smallint, workspace_id uuid, error_category text,
          billed text, upstream_status integer, upstream_code text, provider_request_id text, model text,
          input_tokens integer, output_tokens integer, cache_read_tokens integer, cache_write_tokens integer,
          reasoning_tokens integer, usage_source text, cost_nano_usd bigint, price jsonb,
          latency_ms integer, wait_ms integer`;
const OUTCOME_COLUMNS = `execution_id, attempt_number, workspace_id, error_category, billed,
          upstream_status, upstream_code, provider_request_id, model, input_tokens, output_tokens,
          cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_source, cost_nano_usd, price,
          latency_ms, wait_ms`;
const TOTALS = ['input_tokens', 'output_tokens', 'cache_read_tokens', 'cache_write_tokens']
  .concat(['reasoning_tokens', 'usage_source', 'cost_nano_usd'])
  .map((column) => `${column} = settlement.total_${column}`)
  .join(', ');

// Status, outcome and answer in one commit. An outcome that is there already stays: the execution failed while it
// waited for its next attempt. The interruption raised the fence by one: the receipt of the server that was taken for
// dead is one behind, and a second revision of the outcome.
const settleExecutions = (isLate: string) => `
    CREATE OR REPLACE FUNCTION
    settle_executions(settlements json) RETURNS TABLE (execution_id uuid)
      LANGUAGE sql ${DEFINER} ${BY_KEY} AS $$
      WITH settlement AS (
        SELECT * FROM json_to_recordset(settlements) AS settlement (${OUTCOME_FIELDS}, fence integer,
          status text, finish_reason text, error jsonb, completed_at timestamptz,
          execution_latency_ms integer,
          time_to_first_token_ms integer, total_input_tokens integer, total_output_tokens integer,
          total_cache_read_tokens integer, total_cache_write_tokens integer,
          total_reasoning_tokens integer, total_usage_source text, total_cost_nano_usd bigint,
          output text)),
      settled AS (
        UPDATE agent_executions execution
           SET status = settlement.status, finish_reason = settlement.finish_reason,
               error = settlement.error, completed_at = settlement.completed_at, owner_id = NULL,
               latency_ms = settlement.execution_latency_ms,
               time_to_first_token_ms = settlement.time_to_first_token_ms, ${TOTALS}
          FROM settlement
         WHERE execution.id = settlement.execution_id
           AND execution.workspace_id = settlement.workspace_id
           AND (execution.status = 'running' AND execution.fence = settlement.fence
             OR execution.status = 'interrupted' AND ${isLate}
               AND settlement.status IN ('completed', 'failed'))
        RETURNING execution.id, execution.fence > settlement.fence AS is_late),
      outcome AS (
        INSERT INTO attempt_outcomes (revision, ended_at, ${OUTCOME_COLUMNS})
        SELECT CASE WHEN is_late THEN 2 ELSE 1 END, now(), ${OUTCOME_COLUMNS}
          FROM settlement JOIN settled ON settled.id = settlement.execution_id
         WHERE settlement.attempt_number IS NOT NULL
        ON CONFLICT DO NOTHING),
      answer AS (
        INSERT INTO execution_outputs (execution_id, workspace_id, sealed)
        SELECT settlement.execution_id, settlement.workspace_id, decode(settlement.output, 'base64')
          FROM settlement
         WHERE settlement.output IS NOT NULL AND settlement.execution_id IN (SELECT id FROM settled)
        ON CONFLICT DO NOTHING)
      SELECT settled.id FROM settled
    $$`;
