import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The queue of webhook deliveries. A trigger fills it in the transaction that ends an execution: no event is lost, and
 * none is sent for an end that was rolled back. What works it off for all workspaces belongs to `keyrun_definer`.
 */
export class CreateWebhookFunctions1764001001000 implements MigrationInterface {
  readonly name = 'CreateWebhookFunctions1764001001000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`GRANT CREATE ON SCHEMA public TO keyrun_definer`);
    for (const [signature, definition] of Object.entries(FUNCTIONS)) {
      await queryRunner.query(`CREATE FUNCTION ${definition}`);
      await queryRunner.query(`ALTER FUNCTION ${signature} OWNER TO keyrun_definer`);
      await queryRunner.query(`REVOKE ALL ON FUNCTION ${signature} FROM PUBLIC`);
    }
    for (const signature of CALLED_BY_THE_APPLICATION) {
      await queryRunner.query(`GRANT EXECUTE ON FUNCTION ${signature} TO keyrun_runtime`);
    }
    await queryRunner.query(`REVOKE CREATE ON SCHEMA public FROM keyrun_definer`);
    await createTriggers(queryRunner);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TRIGGER agent_executions_webhooks ON agent_executions`);
    await queryRunner.query(`DROP TRIGGER webhook_attempts_append_only ON webhook_attempts`);
    for (const signature of Object.keys(FUNCTIONS).reverse()) {
      await queryRunner.query(`DROP FUNCTION ${signature}`);
    }
  }
}

/** On the parent, so on every partition. An end that changes from interrupted to failed is no news. */
async function createTriggers(queryRunner: QueryRunner): Promise<void> {
  await queryRunner.query(`
      CREATE TRIGGER agent_executions_webhooks AFTER UPDATE OF status ON agent_executions
        FOR EACH ROW WHEN (NEW.status IN ('completed', 'failed', 'cancelled', 'interrupted')
          AND OLD.status <> NEW.status
          AND NOT (OLD.status = 'interrupted' AND NEW.status = 'failed'))
        EXECUTE FUNCTION queue_webhook_deliveries()`);
  await queryRunner.query(`
      CREATE TRIGGER webhook_attempts_append_only BEFORE UPDATE ON webhook_attempts
        FOR EACH ROW EXECUTE FUNCTION refuse_attempt_update()`);
}

const DEFINER = 'SECURITY DEFINER SET search_path = public, pg_temp';
const ISO = `'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'`;
const instant = (column: string) => `to_char(${column} AT TIME ZONE 'UTC', ${ISO})`;

const CALLED_BY_THE_APPLICATION = [
  'claim_webhook_deliveries(integer, integer, integer, bigint)',
  'finish_webhook_attempt(uuid, uuid, text, json, bigint)',
  'redrive_webhook_delivery(uuid, bigint)',
  'forget_webhook_deliveries(integer, bigint)',
];

/** The schedule follows the clock of the database, `ahead_ms` further: all nodes agree, and a test may wait for days. */
const FUNCTIONS: Readonly<Record<string, string>> = {
  'refuse_attempt_update()': `
    refuse_attempt_update() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION 'webhook_attempts is append-only'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'webhook_attempts_append_only';
    END $$`,

  // A UUIDv7 down to the microsecond, so that deliveries sort by the time of their event.
  'make_delivery_id(timestamptz)': `
    make_delivery_id(at timestamptz) RETURNS uuid LANGUAGE sql VOLATILE AS $$
      SELECT encode(overlay(overlay(uuid_send(gen_random_uuid())
          PLACING substring(int8send(micros / 1000) FROM 3) FROM 1 FOR 6)
          PLACING int2send((28672 + micros % 1000 * 4096 / 1000)::smallint) FROM 7 FOR 2), 'hex')::uuid
        FROM (SELECT (extract(epoch FROM at) * 1000000)::bigint AS micros) AS moment
    $$`,

  // What is sent of an execution: neither prompt nor answer. An error is our own words, never a provider's.
  'describe_execution(agent_executions)': `
    describe_execution(execution agent_executions) RETURNS json LANGUAGE sql STABLE AS $$
      SELECT json_build_object(
        'id', execution.id, 'workspaceId', execution.workspace_id, 'agentId', execution.agent_id,
        'provider', execution.provider, 'model', execution.model,
        'status', CASE execution.status WHEN 'interrupted' THEN 'failed' ELSE execution.status END,
        'mode', execution.mode, 'finishReason', execution.finish_reason, 'error', execution.error,
        'usage', CASE WHEN execution.input_tokens IS NOT NULL AND execution.output_tokens IS NOT NULL
            AND execution.usage_source IS NOT NULL THEN json_build_object(
          'inputTokens', execution.input_tokens, 'outputTokens', execution.output_tokens,
          'cacheReadTokens', coalesce(execution.cache_read_tokens, 0),
          'cacheWriteTokens', coalesce(execution.cache_write_tokens, 0),
          'reasoningTokens', coalesce(execution.reasoning_tokens, 0),
          'source', execution.usage_source) END,
        'costUsd', trim_scale(execution.cost_nano_usd * 0.000000001)::text,
        'apiKeyId', execution.api_key_id,
        'createdAt', ${instant('execution.created_at')}, 'startedAt', ${instant('execution.started_at')},
        'completedAt', ${instant('execution.completed_at')},
        'latencyMs', execution.latency_ms, 'timeToFirstTokenMs', execution.time_to_first_token_ms)
    $$`,

  // The lock lets a webhook that is being deleted go first: its end must not fail the end of a paid execution.
  'queue_webhook_deliveries()': `
    queue_webhook_deliveries() RETURNS trigger LANGUAGE plpgsql ${DEFINER} AS $$
    DECLARE
      event_name text := 'execution.' || CASE NEW.status WHEN 'interrupted' THEN 'failed' ELSE NEW.status END;
      at timestamptz := clock_timestamp();
    BEGIN
      INSERT INTO webhook_deliveries (id, workspace_id, webhook_id, execution_id, event, data, occurred_at,
        next_attempt_at, created_at)
      SELECT make_delivery_id(at), NEW.workspace_id, hook.id, NEW.id, event_name, describe_execution(NEW),
             coalesce(NEW.completed_at, at), at, at
        FROM (SELECT id FROM webhooks
               WHERE workspace_id = NEW.workspace_id AND enabled AND event_name = ANY (events)
                 FOR KEY SHARE) AS hook;
      RETURN NULL;
    END $$`,

  // Webhooks in any order, so that slow ones hold up nobody for long. Of one webhook at most per_webhook at a
  // time on all nodes together, and of one execution the earliest only.
  'claim_webhook_deliveries(integer, integer, integer, bigint)': `
    claim_webhook_deliveries(most integer, per_webhook integer, lease_ms integer, ahead_ms bigint)
      RETURNS TABLE (id uuid, lease_id uuid, workspace_id uuid, webhook_id uuid, url text, event text,
        data json, occurred_at timestamptz, failures integer) LANGUAGE plpgsql ${DEFINER} AS $$
    #variable_conflict use_column
    DECLARE
      at timestamptz := clock_timestamp() + make_interval(secs => ahead_ms / 1000.0);
      candidate uuid;
      target webhooks;
      places integer;
      taken integer;
    BEGIN
      FOR candidate IN
        WITH RECURSIVE waiting (hook) AS (
          (SELECT webhook_id FROM webhook_deliveries WHERE status = 'pending' ORDER BY webhook_id LIMIT 1)
          UNION ALL
          SELECT (SELECT webhook_id FROM webhook_deliveries
                   WHERE status = 'pending' AND webhook_id > waiting.hook ORDER BY webhook_id LIMIT 1)
            FROM waiting WHERE waiting.hook IS NOT NULL)
        SELECT hook FROM waiting WHERE hook IS NOT NULL ORDER BY random()
      LOOP
        EXIT WHEN most <= 0;
        SELECT * INTO target FROM webhooks WHERE webhooks.id = candidate AND enabled
          FOR NO KEY UPDATE SKIP LOCKED;
        CONTINUE WHEN NOT FOUND;
        SELECT least(most, per_webhook - count(*)) INTO places FROM webhook_deliveries
          WHERE webhook_id = candidate AND lease_id IS NOT NULL AND leased_until > at;
        CONTINUE WHEN places <= 0;
        RETURN QUERY
          WITH due AS (
            SELECT delivery.id FROM webhook_deliveries delivery
             WHERE delivery.webhook_id = candidate AND delivery.status = 'pending'
               AND delivery.next_attempt_at <= at
               AND (delivery.leased_until IS NULL OR delivery.leased_until <= at)
               AND NOT EXISTS (SELECT FROM webhook_deliveries earlier
                 WHERE earlier.webhook_id = candidate AND earlier.execution_id = delivery.execution_id
                   AND earlier.status = 'pending' AND earlier.id < delivery.id)
             ORDER BY delivery.next_attempt_at, delivery.id LIMIT places FOR UPDATE SKIP LOCKED)
          UPDATE webhook_deliveries claimed
             SET lease_id = gen_random_uuid(),
                 leased_until = at + make_interval(secs => lease_ms / 1000.0)
            FROM due WHERE claimed.id = due.id
          RETURNING claimed.id, claimed.lease_id, claimed.workspace_id, candidate, target.url, claimed.event,
            claimed.data, claimed.occurred_at, claimed.failures;
        GET DIAGNOSTICS taken = ROW_COUNT;
        most := most - taken;
      END LOOP;
    END $$`,

  // The attempt is recorded in any case, and a success counts whoever holds the lease by now. What else it means
  // is up to whoever holds it.
  'finish_webhook_attempt(uuid, uuid, text, json, bigint)': `
    finish_webhook_attempt(target_id uuid, held_lease_id uuid, verdict text, attempt json, ahead_ms bigint)
      RETURNS void LANGUAGE plpgsql ${DEFINER} AS $$
    DECLARE
      at timestamptz := clock_timestamp() + make_interval(secs => ahead_ms / 1000.0);
      latency integer := (attempt->>'latencyMs')::integer;
      current webhook_deliveries;
    BEGIN
      SELECT * INTO current FROM webhook_deliveries WHERE id = target_id FOR UPDATE;
      IF NOT FOUND THEN RETURN; END IF;
      INSERT INTO webhook_attempts (delivery_id, attempt_number, workspace_id, started_at, response_status,
        latency_ms, error_category)
      SELECT current.id, 1 + coalesce(max(past.attempt_number), 0), current.workspace_id,
             at - make_interval(secs => latency / 1000.0), (attempt->>'responseStatus')::integer, latency,
             attempt->>'errorCategory'
        FROM webhook_attempts past WHERE past.delivery_id = current.id;
      IF verdict <> 'delivered' AND current.lease_id IS DISTINCT FROM held_lease_id THEN RETURN; END IF;
      UPDATE webhook_deliveries
         SET status = CASE WHEN verdict IN ('delivered', 'failed') THEN verdict ELSE 'pending' END,
             failures = failures + CASE WHEN verdict IN ('retry', 'failed') THEN 1 ELSE 0 END,
             next_attempt_at = at + make_interval(secs => coalesce((attempt->>'waitMs')::bigint, 0) / 1000.0),
             lease_id = NULL, leased_until = NULL
       WHERE id = current.id;
    END $$`,

  // Only in the workspace of the transaction. Not while it is being sent: false.
  'redrive_webhook_delivery(uuid, bigint)': `
    redrive_webhook_delivery(target_id uuid, ahead_ms bigint) RETURNS boolean LANGUAGE plpgsql ${DEFINER} AS $$
    DECLARE
      at timestamptz := clock_timestamp() + make_interval(secs => ahead_ms / 1000.0);
    BEGIN
      UPDATE webhook_deliveries SET status = 'pending', failures = 0, next_attempt_at = at, lease_id = NULL,
          leased_until = NULL
       WHERE id = target_id AND workspace_id = current_workspace_id()
         AND (leased_until IS NULL OR leased_until <= at);
      RETURN FOUND;
    END $$`,

  // What waits for a webhook that stays disabled is forgotten too. A thousand rows at a time; returns how many.
  'forget_webhook_deliveries(integer, bigint)': `
    forget_webhook_deliveries(days integer, ahead_ms bigint) RETURNS integer LANGUAGE plpgsql ${DEFINER} AS $$
    DECLARE
      at timestamptz := clock_timestamp() + make_interval(secs => ahead_ms / 1000.0);
      forgotten integer;
    BEGIN
      DELETE FROM webhook_secrets WHERE expires_at <= at;
      DELETE FROM webhook_deliveries WHERE id IN (
        SELECT delivery.id FROM webhook_deliveries delivery
         WHERE delivery.id < first_execution_id((at - make_interval(days => days)) AT TIME ZONE 'UTC')
           AND (delivery.status <> 'pending' OR NOT EXISTS (
             SELECT FROM webhooks hook WHERE hook.id = delivery.webhook_id AND hook.enabled))
         ORDER BY delivery.id LIMIT 1000 FOR UPDATE SKIP LOCKED);
      GET DIAGNOSTICS forgotten = ROW_COUNT;
      RETURN forgotten;
    END $$`,
};
