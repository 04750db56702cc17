import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A sealed answer goes to the ledger as the bytes that it is: as base64 in the JSON of its row, each copy of it that is
 * made on the way takes a third more, and there are more of them.
 */
export class SettleWithoutCopies1764002200000 implements MigrationInterface {
  readonly name = 'SettleWithoutCopies1764002200000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await replace(queryRunner, 'settle_executions(json)', 'settle_executions(json, bytea)', BESIDE);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await replace(queryRunner, 'settle_executions(json, bytea)', 'settle_executions(json)', WITHIN);
  }
}

async function replace(
  queryRunner: QueryRunner,
  former: string,
  signature: string,
  answers: Answers,
): Promise<void> {
  await queryRunner.query(`DROP FUNCTION ${former}`);
  await queryRunner.query(`GRANT CREATE ON SCHEMA public TO keyrun_definer`);
  await queryRunner.query(settleExecutions(answers));
  await queryRunner.query(`ALTER FUNCTION ${signature} OWNER TO keyrun_definer`);
  await queryRunner.query(`REVOKE ALL ON FUNCTION ${signature} FROM PUBLIC`);
  await queryRunner.query(`GRANT EXECUTE ON FUNCTION ${signature} TO keyrun_runtime`);
  await queryRunner.query(`REVOKE CREATE ON SCHEMA public FROM keyrun_definer`);
}

/** Where the function finds the answers. */
interface Answers {
  readonly parameters: string;
  readonly fields: string;
  readonly sealed: string;
  readonly isThere: string;
}

const WITHIN: Answers = {
  parameters: 'settlements json',
  fields: 'output text',
  sealed: `decode(settlement.output, 'base64')`,
  isThere: 'settlement.output IS NOT NULL',
};

/**
 * One after the other; each row says where its own is. `output` is how the servers of the version before send it while
 * they are replaced, and what they left in their journals.
 */
const BESIDE: Answers = {
  parameters: 'settlements json, outputs bytea DEFAULT NULL',
  fields: 'output text, output_start integer, output_bytes integer',
  sealed: `coalesce(substring(outputs FROM settlement.output_start FOR settlement.output_bytes),
            decode(settlement.output, 'base64'))`,
  isThere: 'settlement.output_bytes IS NOT NULL OR settlement.output IS NOT NULL',
};

const OUTCOME_COLUMNS = `execution_id, attempt_number, workspace_id, error_category, billed,
          upstream_status, upstream_code, provider_request_id, model, input_tokens, output_tokens,
          cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_source, cost_nano_usd, price,
          latency_ms, wait_ms`;
const TOTALS = ['input_tokens', 'output_tokens', 'cache_read_tokens', 'cache_write_tokens']
  .concat(['reasoning_tokens', 'usage_source', 'cost_nano_usd'])
  .map((column) => `${column} = settlement.total_${column}`)
  .join(', ');

function settleExecutions({ parameters, fields, sealed, isThere }: Answers): string {
  return `
    CREATE FUNCTION settle_executions(${parameters}) RETURNS TABLE (execution_id uuid)
      LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
      SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
      WITH settlement AS (
        SELECT * FROM json_to_recordset(settlements) AS settlement (execution_id uuid,
          attempt_number smallint, workspace_id uuid, error_category text,
          billed text, upstream_status integer, upstream_code text, provider_request_id text, model text,
          input_tokens integer, output_tokens integer, cache_read_tokens integer, cache_write_tokens integer,
          reasoning_tokens integer, usage_source text, cost_nano_usd bigint, price jsonb,
          latency_ms integer, wait_ms integer, fence integer,
          status text, finish_reason text, error jsonb, completed_at timestamptz,
          execution_latency_ms integer,
          time_to_first_token_ms integer, total_input_tokens integer, total_output_tokens integer,
          total_cache_read_tokens integer, total_cache_write_tokens integer,
          total_reasoning_tokens integer, total_usage_source text, total_cost_nano_usd bigint,
          ${fields})),
      settled AS (
        UPDATE agent_executions execution
           SET status = settlement.status, finish_reason = settlement.finish_reason,
               error = settlement.error, completed_at = settlement.completed_at, owner_id = NULL,
               latency_ms = settlement.execution_latency_ms,
               time_to_first_token_ms = settlement.time_to_first_token_ms, ${TOTALS}
          FROM settlement
         WHERE execution.id = settlement.execution_id
           AND execution.workspace_id = settlement.workspace_id
           AND CASE execution.status
                 WHEN 'running' THEN execution.fence = settlement.fence
                 WHEN 'interrupted' THEN execution.fence = settlement.fence + 1
                   AND settlement.status IN ('completed', 'failed') END
        RETURNING execution.id, execution.fence > settlement.fence AS is_late),
      outcome AS (
        INSERT INTO attempt_outcomes (revision, ended_at, ${OUTCOME_COLUMNS})
        SELECT CASE WHEN is_late THEN 2 ELSE 1 END, now(), ${OUTCOME_COLUMNS}
          FROM settlement JOIN settled ON settled.id = settlement.execution_id
         WHERE settlement.attempt_number IS NOT NULL
        ON CONFLICT DO NOTHING),
      answer AS (
        INSERT INTO execution_outputs (execution_id, workspace_id, sealed)
        SELECT settlement.execution_id, settlement.workspace_id, ${sealed}
          FROM settlement
         WHERE (${isThere}) AND settlement.execution_id IN (SELECT id FROM settled)
        ON CONFLICT DO NOTHING)
      SELECT settled.id FROM settled
    $$`;
}
