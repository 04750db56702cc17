import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * How events get into the audit trail, and that they stay as they are. The format of the hash is documented
 * in docs/audit.md; the application verifies it with an implementation of its own.
 */
export class CreateAuditFunctions1764000610000 implements MigrationInterface {
  readonly name = 'CreateAuditFunctions1764000610000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await createFunctions(queryRunner);
    await createTriggers(queryRunner);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TRIGGER audit_events_append_only ON audit_events`);
    await queryRunner.query(`DROP TRIGGER audit_events_not_truncated ON audit_events`);
    for (const signature of Object.keys(FUNCTIONS).reverse()) {
      await queryRunner.query(`DROP FUNCTION ${signature}`);
    }
  }
}

/** Head row of the server's own chain. */
const SERVER_CHAIN = `'00000000-0000-0000-0000-000000000000'::uuid`;
/** What the first event of a chain follows. */
const ORIGIN = `decode(repeat('00', 32), 'hex')`;
const DEFINER = 'SECURITY DEFINER SET search_path = public, pg_temp';

async function createFunctions(queryRunner: QueryRunner): Promise<void> {
  await queryRunner.query(`GRANT CREATE ON SCHEMA public TO keyrun_definer`);
  for (const [signature, definition] of Object.entries(FUNCTIONS)) {
    await queryRunner.query(`CREATE FUNCTION ${definition}`);
    await queryRunner.query(`ALTER FUNCTION ${signature} OWNER TO keyrun_definer`);
    await queryRunner.query(`REVOKE ALL ON FUNCTION ${signature} FROM PUBLIC`);
  }
  for (const signature of FOR_THE_APPLICATION) {
    await queryRunner.query(`GRANT EXECUTE ON FUNCTION ${signature} TO keyrun_runtime`);
  }
  await queryRunner.query(`REVOKE CREATE ON SCHEMA public FROM keyrun_definer`);
}

async function createTriggers(queryRunner: QueryRunner): Promise<void> {
  await queryRunner.query(`
      CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE ON audit_events
        FOR EACH ROW EXECUTE FUNCTION refuse_audit_change()`);
  await queryRunner.query(`
      CREATE TRIGGER audit_events_not_truncated BEFORE TRUNCATE ON audit_events
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()`);
}

const EVENT_FIELDS = `id uuid, workspace_id uuid, occurred_at timestamptz, actor text, action text,
          subject_type text, subject_id uuid, purpose text, request_id text, details jsonb`;
const EVENT_COLUMNS = EVENT_FIELDS.replace(/ (uuid|text|timestamptz|jsonb)/g, '');

const FUNCTIONS: Readonly<Record<string, string>> = {
  // A netstring; `-,` for null.
  'audit_hash_field(text)': `
    audit_hash_field(value text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
      SELECT coalesce(octet_length(convert_to(value, 'UTF8')) || ':' || value || ',', '-,')
    $$`,

  // RFC 8785 for flat objects with ASCII names, which is all that the table takes.
  'audit_canonical_details(jsonb)': `
    audit_canonical_details(details jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
      SELECT '{' || coalesce(string_agg(to_json(key)::text || ':' || value::text, ','
        ORDER BY key COLLATE "C"), '') || '}' FROM jsonb_each(details)
    $$`,

  'audit_event_hash(audit_events)': `
    audit_event_hash(event audit_events) RETURNS bytea LANGUAGE sql STABLE AS $$
      SELECT sha256(convert_to(
        audit_hash_field('keyrun-audit-v1') || audit_hash_field(encode(event.previous_hash, 'hex')) ||
        audit_hash_field(event.workspace_id::text) || audit_hash_field(event.sequence::text) ||
        audit_hash_field(event.id::text) || audit_hash_field(
          to_char(event.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')) ||
        audit_hash_field(event.actor) || audit_hash_field(event.action) ||
        audit_hash_field(event.subject_type) || audit_hash_field(event.subject_id::text) ||
        audit_hash_field(event.purpose) || audit_hash_field(event.request_id) ||
        audit_hash_field(audit_canonical_details(event.details)), 'UTF8'))
    $$`,

  // The lock on the head row is what keeps a chain gapless. Everybody takes the workspaces before the heads,
  // and both in the order of their ids, as the deletion of a workspace does too: no deadlock. An id that is
  // there already is skipped, so a batch whose answer got lost may be sent again.
  'append_audit_events(json)': `
    append_audit_events(events json) RETURNS integer LANGUAGE plpgsql ${DEFINER} AS $$
    DECLARE
      event record;
      next audit_events;
      head audit_heads;
      is_known boolean;
      appended integer := 0;
    BEGIN
      PERFORM FROM workspaces workspace WHERE workspace.id IN (
        SELECT mentioned.workspace_id FROM json_to_recordset(events) AS mentioned (workspace_id uuid))
        ORDER BY workspace.id FOR KEY SHARE;
      FOR event IN
        SELECT *, row_number() OVER (PARTITION BY workspace_id ORDER BY position) = 1 AS is_first,
               row_number() OVER (PARTITION BY workspace_id ORDER BY position DESC) = 1 AS is_last
          FROM ROWS FROM (json_to_recordset(events) AS (${EVENT_FIELDS}))
            WITH ORDINALITY AS event (${EVENT_COLUMNS}, position)
         ORDER BY workspace_id NULLS LAST, position
      LOOP
        IF event.is_first THEN
          IF event.workspace_id <> current_workspace_id() THEN
            RAISE EXCEPTION 'an audit event of another workspace' USING ERRCODE = 'insufficient_privilege';
          END IF;
          is_known := event.workspace_id IS NULL
            OR EXISTS (SELECT FROM workspaces WHERE id = event.workspace_id);
          CONTINUE WHEN NOT is_known;
          SELECT * INTO head FROM lock_audit_head(event.workspace_id);
        END IF;
        CONTINUE WHEN NOT is_known;
        IF NOT EXISTS (SELECT FROM audit_events existing WHERE existing.id = event.id) THEN
          next := (event.id, event.workspace_id, head.sequence + 1, event.occurred_at, event.actor,
            event.action, event.subject_type, event.subject_id, event.purpose, event.request_id,
            event.details, head.hash, NULL);
          next.hash := audit_event_hash(next);
          INSERT INTO audit_events SELECT next.*;
          head.sequence := next.sequence;
          head.hash := next.hash;
          appended := appended + 1;
        END IF;
        IF event.is_last THEN
          UPDATE audit_heads SET sequence = head.sequence, hash = head.hash
           WHERE chain_id = head.chain_id;
        END IF;
      END LOOP;
      RETURN appended;
    END $$`,

  'lock_audit_head(uuid)': `
    lock_audit_head(owner_workspace_id uuid) RETURNS audit_heads LANGUAGE plpgsql ${DEFINER} AS $$
    DECLARE
      chain uuid := coalesce(owner_workspace_id, ${SERVER_CHAIN});
      head audit_heads;
    BEGIN
      SELECT * INTO head FROM audit_heads WHERE chain_id = chain FOR UPDATE;
      IF NOT FOUND THEN
        INSERT INTO audit_heads (chain_id, workspace_id, sequence, hash)
          VALUES (chain, owner_workspace_id, 0, ${ORIGIN}) ON CONFLICT DO NOTHING;
        SELECT * INTO head FROM audit_heads WHERE chain_id = chain FOR UPDATE;
      END IF;
      RETURN head;
    END $$`,

  'list_audit_chains()': `
    list_audit_chains() RETURNS TABLE (workspace_id uuid) LANGUAGE sql STABLE ${DEFINER} AS $$
      SELECT NULL::uuid UNION ALL (SELECT id FROM workspaces ORDER BY id)
    $$`,

  'read_server_audit_events(bigint, integer)': `
    read_server_audit_events(after_sequence bigint, most integer) RETURNS SETOF audit_events
      LANGUAGE sql STABLE ${DEFINER} AS $$
      SELECT * FROM audit_events WHERE workspace_id IS NULL AND sequence > after_sequence
       ORDER BY sequence LIMIT most
    $$`,

  'read_server_audit_head()': `
    read_server_audit_head() RETURNS SETOF audit_heads LANGUAGE sql STABLE ${DEFINER} AS $$
      SELECT * FROM audit_heads WHERE chain_id = ${SERVER_CHAIN}
    $$`,

  // An event goes with its workspace, in the cascade of the foreign key, and in no other way.
  'refuse_audit_change()': `
    refuse_audit_change() RETURNS trigger LANGUAGE plpgsql ${DEFINER} AS $$
    BEGIN
      IF TG_OP = 'DELETE' THEN
        IF OLD.workspace_id IS NOT NULL
            AND NOT EXISTS (SELECT FROM workspaces WHERE id = OLD.workspace_id) THEN
          RETURN OLD;
        END IF;
      END IF;
      RAISE EXCEPTION 'audit_events is append-only'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_events_append_only';
    END $$`,
};

const FOR_THE_APPLICATION = [
  'append_audit_events(json)',
  'list_audit_chains()',
  'read_server_audit_events(bigint, integer)',
  'read_server_audit_head()',
];
