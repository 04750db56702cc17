import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who is alive, what becomes of the executions of those who are not, and what ends an execution from outside. */
export class RescueFunctions1764000820000 implements MigrationInterface {
  readonly name = 'RescueFunctions1764000820000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`GRANT CREATE ON SCHEMA public TO keyrun_definer`);
    for (const [signature, definition] of Object.entries(FUNCTIONS)) {
      await queryRunner.query(`CREATE FUNCTION ${definition}`);
      await queryRunner.query(`ALTER FUNCTION ${signature} OWNER TO keyrun_definer`);
      await grant(queryRunner, signature);
    }
    await queryRunner.query(`REVOKE CREATE ON SCHEMA public FROM keyrun_definer`);
    // Belongs to the owner of the tables, who alone may drop one.
    await queryRunner.query(`CREATE FUNCTION ${PARTITION_DROPPER}`);
    await grant(queryRunner, 'drop_execution_partitions(timestamptz, boolean)');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP FUNCTION drop_execution_partitions(timestamptz, boolean)`);
    for (const signature of Object.keys(FUNCTIONS).reverse()) {
      await queryRunner.query(`DROP FUNCTION ${signature}`);
    }
  }
}

async function grant(queryRunner: QueryRunner, signature: string): Promise<void> {
  await queryRunner.query(`REVOKE ALL ON FUNCTION ${signature} FROM PUBLIC`);
  await queryRunner.query(`GRANT EXECUTE ON FUNCTION ${signature} TO keyrun_runtime`);
}

const DEFINER = 'SECURITY DEFINER SET search_path = public, pg_temp';

const FUNCTIONS: Readonly<Record<string, string>> = {
  // The clock of the database is the only one that leases know. Returns what this server shall cancel.
  'renew_lease(uuid, integer)': `
    renew_lease(server_id uuid, lease_ms integer) RETURNS TABLE (execution_id uuid)
      LANGUAGE plpgsql ${DEFINER} AS $$
    BEGIN
      INSERT INTO servers AS server (id, started_at, lease_until)
        VALUES (server_id, clock_timestamp(), clock_timestamp() + make_interval(secs => lease_ms / 1000.0))
        ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until;
      RETURN QUERY SELECT execution.id FROM agent_executions execution
        WHERE execution.owner_id = server_id AND execution.status = 'running'
          AND execution.cancel_requested_at IS NOT NULL;
    END $$`,

  'end_lease(uuid)': `
    end_lease(server_id uuid) RETURNS void LANGUAGE sql ${DEFINER} AS $$
      DELETE FROM servers WHERE id = server_id OR lease_until < clock_timestamp() - interval '1 day'
    $$`,

  'server_is_alive(uuid)': `
    server_is_alive(server_id uuid) RETURNS boolean LANGUAGE sql ${DEFINER} AS $$
      SELECT EXISTS (SELECT FROM servers WHERE id = server_id AND lease_until >= clock_timestamp())
    $$`,

  // Of a server whose lease ran out, or of the one that is named because it shuts down. What was in flight is
  // interrupted: it may have been paid for, so nobody repeats it. What waited between two attempts was not in
  // flight: an asynchronous execution goes back to the queue, the client of another may try again.
  // Any number of servers may sweep at once.
  'interrupt_executions(uuid, integer, text)': `
    interrupt_executions(leaving_server uuid, most integer, message text)
      RETURNS TABLE (execution_id uuid, workspace_id uuid, status text)
      LANGUAGE plpgsql ${DEFINER} AS $$
    #variable_conflict use_column
    BEGIN
      RETURN QUERY
      WITH dead AS (
        SELECT execution.id, execution.mode FROM agent_executions execution
         WHERE execution.status = 'running' AND CASE
           WHEN leaving_server IS NOT NULL THEN execution.owner_id = leaving_server
           ELSE NOT EXISTS (SELECT FROM servers server WHERE server.id = execution.owner_id
                              AND server.lease_until >= clock_timestamp())
             OR execution.deadline_at < clock_timestamp() - interval '10 minutes' END
         LIMIT most FOR UPDATE OF execution SKIP LOCKED),
      last AS (
        SELECT DISTINCT ON (attempt.execution_id) attempt.execution_id, attempt.attempt_number,
               attempt.workspace_id, attempt.started_at, dead.mode,
               (SELECT outcome.billed FROM attempt_outcomes outcome
                 WHERE outcome.execution_id = attempt.execution_id
                   AND outcome.attempt_number = attempt.attempt_number
                 ORDER BY outcome.revision DESC LIMIT 1) AS billed
          FROM execution_attempts attempt JOIN dead ON dead.id = attempt.execution_id
         ORDER BY attempt.execution_id, attempt.attempt_number DESC),
      verdict AS (
        SELECT *, CASE WHEN billed IS NULL THEN 'interrupted' WHEN mode = 'async' THEN 'queued'
                       ELSE 'failed' END AS becomes FROM last),
      moved AS (
        UPDATE agent_executions execution
           SET status = verdict.becomes, owner_id = NULL, fence = execution.fence + 1,
               completed_at = CASE WHEN verdict.becomes <> 'queued' THEN clock_timestamp() END,
               wake_up_at = CASE WHEN verdict.becomes = 'queued' THEN '-infinity'::timestamptz END,
               latency_ms = (extract(epoch FROM clock_timestamp() - execution.started_at) * 1000)::integer,
               cost_nano_usd = (SELECT sum(outcome.cost_nano_usd)::bigint FROM attempt_outcomes outcome
                                 WHERE outcome.execution_id = execution.id),
               error = CASE WHEN verdict.becomes <> 'queued' THEN jsonb_build_object(
                 'category', 'interrupted', 'code', 'interrupted', 'message', message,
                 'retryable', true, 'billed', coalesce(verdict.billed, 'unknown')) END
          FROM verdict WHERE execution.id = verdict.execution_id
        RETURNING execution.id, execution.workspace_id, execution.status),
      outcome AS (
        INSERT INTO attempt_outcomes (execution_id, attempt_number, revision, workspace_id,
          error_category, billed, latency_ms, ended_at)
        SELECT execution_id, attempt_number, 1, workspace_id, 'interrupted', 'unknown',
               (extract(epoch FROM clock_timestamp() - started_at) * 1000)::integer, clock_timestamp()
          FROM verdict WHERE becomes = 'interrupted'
        ON CONFLICT DO NOTHING)
      SELECT moved.id, moved.workspace_id, moved.status FROM moved;
    END $$`,

  // Takes it out of the queue and writes its next attempt ahead. No row: another server was first, or it ended.
  'claim_execution(uuid, uuid, uuid, uuid)': `
    claim_execution(queued_id uuid, owner_workspace_id uuid, server_id uuid, paying_key_id uuid)
      RETURNS TABLE (fence integer, attempt_number integer, created_at timestamptz, started_at timestamptz,
        attempt_started_at timestamptz, remaining_ms integer, store_at_provider boolean)
      LANGUAGE plpgsql ${DEFINER} AS $$
    #variable_conflict use_column
    BEGIN
      RETURN QUERY
      WITH claimed AS (
        UPDATE agent_executions execution
           SET status = 'running', owner_id = server_id, fence = execution.fence + 1, wake_up_at = NULL,
               api_key_id = paying_key_id, started_at = coalesce(execution.started_at, now()),
               deadline_at = CASE WHEN execution.started_at IS NULL
                 THEN now() + make_interval(secs => execution.timeout_ms / 1000.0)
                 ELSE execution.deadline_at END
         WHERE execution.id = queued_id AND execution.workspace_id = owner_workspace_id
           AND execution.status = 'queued'
        RETURNING execution.*),
      attempt AS (
        INSERT INTO execution_attempts (execution_id, attempt_number, workspace_id, provider, model,
          api_key_id, started_at)
        SELECT id, (SELECT coalesce(max(before.attempt_number), 0) + 1 FROM execution_attempts before
                     WHERE before.execution_id = queued_id),
               workspace_id, provider, model, api_key_id, now() FROM claimed
        RETURNING attempt_number)
      SELECT claimed.fence, attempt.attempt_number::integer, claimed.created_at, claimed.started_at, now(),
             greatest(0, extract(epoch FROM claimed.deadline_at - now()) * 1000)::integer,
             (SELECT workspace.store_at_provider FROM workspaces workspace
               WHERE workspace.id = owner_workspace_id)
        FROM claimed CROSS JOIN attempt;
    END $$`,

  // Before it ran: nothing was sent, so there is no attempt.
  'end_queued_execution(uuid, uuid, text, jsonb)': `
    end_queued_execution(queued_id uuid, owner_workspace_id uuid, becomes text, failure jsonb)
      RETURNS boolean LANGUAGE sql ${DEFINER} AS $$
      WITH ended AS (
        UPDATE agent_executions execution
           SET status = becomes, completed_at = now(), wake_up_at = NULL, error = failure
         WHERE execution.id = queued_id AND execution.workspace_id = owner_workspace_id
           AND execution.status = 'queued' AND becomes IN ('failed', 'cancelled')
        RETURNING id)
      SELECT EXISTS (SELECT FROM ended)
    $$`,

  // The owner learns of it with its next lease. Returns the status and who owns it; no row: no such execution.
  'request_cancellation(uuid, uuid, jsonb)': `
    request_cancellation(wanted_id uuid, owner_workspace_id uuid, failure jsonb)
      RETURNS TABLE (status text, owner_id uuid) LANGUAGE plpgsql ${DEFINER} AS $$
    #variable_conflict use_column
    BEGIN
      PERFORM end_queued_execution(wanted_id, owner_workspace_id, 'cancelled', failure);
      UPDATE agent_executions execution SET cancel_requested_at = now()
       WHERE execution.id = wanted_id AND execution.workspace_id = owner_workspace_id
         AND execution.status = 'running' AND execution.cancel_requested_at IS NULL;
      RETURN QUERY SELECT execution.status, execution.owner_id FROM agent_executions execution
        WHERE execution.id = wanted_id AND execution.workspace_id = owner_workspace_id;
    END $$`,

  // What may lie at a provider that was asked to store it, for two hours after its server died.
  'list_lost_executions(text, integer)': `
    list_lost_executions(default_store_content text, most integer)
      RETURNS TABLE (execution_id uuid, workspace_id uuid, provider text, model text, api_key_id uuid,
        fence integer, attempt_number integer, started_at timestamptz, keeps_output boolean)
      LANGUAGE sql STABLE ${DEFINER} AS $$
      SELECT execution.id, execution.workspace_id, execution.provider, execution.model,
             execution.api_key_id, execution.fence,
             (SELECT max(attempt.attempt_number)::integer FROM execution_attempts attempt
               WHERE attempt.execution_id = execution.id),
             coalesce(execution.started_at, execution.created_at),
             execution.mode = 'async' OR coalesce(workspace.store_content, default_store_content) = 'full'
        FROM workspaces workspace JOIN agent_executions execution ON execution.workspace_id = workspace.id
       WHERE workspace.store_at_provider AND execution.status = 'interrupted'
         AND execution.completed_at > now() - interval '2 hours'
         AND execution.id > first_execution_id(now() AT TIME ZONE 'UTC' - interval '1 day')
       ORDER BY execution.id LIMIT most
    $$`,

  // A wake-up that was lost, or that could not be sent: those that nobody took for a while.
  'take_overdue_executions(integer, integer)': `
    take_overdue_executions(overdue_seconds integer, most integer)
      RETURNS TABLE (execution_id uuid, workspace_id uuid) LANGUAGE sql ${DEFINER} AS $$
      UPDATE agent_executions SET wake_up_at = now()
       WHERE id IN (SELECT id FROM agent_executions
                     WHERE status = 'queued' AND wake_up_at < now() - make_interval(secs => overdue_seconds)
                     LIMIT most FOR UPDATE SKIP LOCKED)
      RETURNING id, workspace_id
    $$`,

  // What no retry can ask for any more: used keys, and content that its workspace does not keep.
  'delete_expired(text, integer)': `
    delete_expired(default_store_content text, keep_hours integer) RETURNS integer
      LANGUAGE plpgsql ${DEFINER} AS $$
    DECLARE
      youngest uuid := first_execution_id(now() AT TIME ZONE 'UTC' - make_interval(hours => keep_hours));
      oldest uuid := first_execution_id(now() AT TIME ZONE 'UTC' - make_interval(hours => keep_hours + 168));
      deleted integer;
    BEGIN
      DELETE FROM idempotency_keys WHERE expires_at < now();
      GET DIAGNOSTICS deleted = ROW_COUNT;
      DELETE FROM execution_outputs output USING workspaces workspace
       WHERE output.workspace_id = workspace.id AND output.execution_id BETWEEN oldest AND youngest
         AND coalesce(workspace.store_content, default_store_content) = 'metadata';
      DELETE FROM execution_requests request USING workspaces workspace
       WHERE request.workspace_id = workspace.id AND request.execution_id BETWEEN oldest AND youngest
         AND coalesce(workspace.store_content, default_store_content) = 'metadata';
      RETURN deleted;
    END $$`,
};

/** Whole months that ended before the moment. Content may go earlier than the ledger, never later. */
const PARTITION_DROPPER = `
    drop_execution_partitions(ended_before timestamptz, contents_only boolean) RETURNS SETOF text
      LANGUAGE plpgsql ${DEFINER} SET lock_timeout = '5s' AS $$
    DECLARE
      limit_id uuid := first_execution_id(date_trunc('month', ended_before AT TIME ZONE 'UTC'));
      partition record;
    BEGIN
      PERFORM pg_advisory_xact_lock(hashtext('ensure_execution_partitions'));
      FOR partition IN
        SELECT child.relname FROM pg_inherits
          JOIN pg_class parent ON parent.oid = inhparent JOIN pg_class child ON child.oid = inhrelid
         WHERE parent.relnamespace = 'public'::regnamespace
           AND (parent.relname IN ('execution_outputs', 'execution_requests') OR NOT contents_only
             AND parent.relname IN ('agent_executions', 'execution_attempts', 'attempt_outcomes'))
           AND (regexp_match(pg_get_expr(child.relpartbound, child.oid), 'TO \\(''([0-9a-f-]+)'''))[1]::uuid
             <= limit_id
         ORDER BY child.relname
      LOOP
        EXECUTE format('DROP TABLE %I', partition.relname);
        RETURN NEXT partition.relname;
      END LOOP;
    END $$`;
