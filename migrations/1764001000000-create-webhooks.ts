import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = ['webhooks', 'webhook_secrets', 'webhook_deliveries', 'webhook_attempts'];
/** The other two are written by functions only. */
const WRITABLE = ['webhooks', 'webhook_secrets'];

const EVENTS = `'execution.completed', 'execution.failed', 'execution.cancelled'`;

/** Webhooks, the secrets that sign for them, and their delivery log. */
export class CreateWebhooks1764001000000 implements MigrationInterface {
  readonly name = 'CreateWebhooks1764001000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await createTables(queryRunner);
    await createIndexes(queryRunner);
    for (const table of TABLES) await protect(queryRunner, table);
    await queryRunner.query(
      `GRANT INSERT, UPDATE, DELETE ON ${WRITABLE.join(', ')} TO keyrun_runtime`,
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const table of [...TABLES].reverse()) await queryRunner.query(`DROP TABLE ${table}`);
  }
}

async function createTables(queryRunner: QueryRunner): Promise<void> {
  await queryRunner.query(`
      CREATE TABLE webhooks (
        id uuid NOT NULL CONSTRAINT webhooks_pkey PRIMARY KEY,
        workspace_id uuid NOT NULL CONSTRAINT webhooks_workspace_id_fkey
          REFERENCES workspaces ON DELETE CASCADE,
        url text NOT NULL,
        events text[] NOT NULL CONSTRAINT webhooks_events
          CHECK (cardinality(events) > 0 AND events <@ ARRAY[${EVENTS}]),
        description text,
        enabled boolean NOT NULL DEFAULT true,
        disabled_reason text CONSTRAINT webhooks_disabled_reason
          CHECK (disabled_reason IS NULL OR (disabled_reason = 'gone' AND NOT enabled)),
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now()
      )`);
  await queryRunner.query(`
      CREATE TABLE webhook_secrets (
        id uuid NOT NULL CONSTRAINT webhook_secrets_pkey PRIMARY KEY,
        workspace_id uuid NOT NULL,
        webhook_id uuid NOT NULL CONSTRAINT webhook_secrets_webhook_id_fkey
          REFERENCES webhooks ON DELETE CASCADE,
        encrypted_secret text NOT NULL CONSTRAINT webhook_secrets_encrypted_secret
          CHECK (encrypted_secret ~ '^s1:[0-9a-f-]{36}:[A-Za-z0-9_-]{38,}$'),
        expires_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now()
      )`);
  await queryRunner.query(`
      CREATE TABLE webhook_deliveries (
        id uuid NOT NULL CONSTRAINT webhook_deliveries_pkey PRIMARY KEY,
        workspace_id uuid NOT NULL,
        webhook_id uuid NOT NULL CONSTRAINT webhook_deliveries_webhook_id_fkey
          REFERENCES webhooks ON DELETE CASCADE,
        execution_id uuid NOT NULL,
        event text NOT NULL CONSTRAINT webhook_deliveries_event CHECK (event IN (${EVENTS})),
        data json NOT NULL,
        occurred_at timestamptz NOT NULL,
        status text NOT NULL DEFAULT 'pending' CONSTRAINT webhook_deliveries_status
          CHECK (status IN ('pending', 'delivered', 'failed')),
        failures integer NOT NULL DEFAULT 0,
        next_attempt_at timestamptz NOT NULL,
        lease_id uuid,
        leased_until timestamptz,
        created_at timestamptz NOT NULL,
        CONSTRAINT webhook_deliveries_lease CHECK ((lease_id IS NULL) = (leased_until IS NULL)
          AND (lease_id IS NULL OR status = 'pending'))
      )`);
  await queryRunner.query(`
      CREATE TABLE webhook_attempts (
        delivery_id uuid NOT NULL CONSTRAINT webhook_attempts_delivery_id_fkey
          REFERENCES webhook_deliveries ON DELETE CASCADE,
        attempt_number integer NOT NULL,
        workspace_id uuid NOT NULL,
        started_at timestamptz NOT NULL,
        response_status integer,
        latency_ms integer NOT NULL,
        error_category text,
        CONSTRAINT webhook_attempts_pkey PRIMARY KEY (delivery_id, attempt_number)
      )`);
}

async function createIndexes(queryRunner: QueryRunner): Promise<void> {
  const indexes: Readonly<Record<string, string>> = {
    webhooks_workspace_id: 'webhooks (workspace_id, id)',
    webhook_secrets_webhook_id: 'webhook_secrets (webhook_id)',
    webhook_secrets_workspace_id: 'webhook_secrets (workspace_id)',
    webhook_deliveries_webhook_id: 'webhook_deliveries (webhook_id, id)',
    webhook_deliveries_failed: `webhook_deliveries (webhook_id, id) WHERE status = 'failed'`,
    webhook_deliveries_due: `webhook_deliveries (webhook_id, next_attempt_at) WHERE status = 'pending'`,
    webhook_deliveries_order: `webhook_deliveries (webhook_id, execution_id, id) WHERE status = 'pending'`,
    webhook_deliveries_leased: `webhook_deliveries (webhook_id) WHERE lease_id IS NOT NULL`,
  };
  for (const [name, columns] of Object.entries(indexes)) {
    await queryRunner.query(`CREATE INDEX ${name} ON ${columns}`);
  }
}

async function protect(queryRunner: QueryRunner, table: string): Promise<void> {
  const condition = 'workspace_id = current_workspace_id()';
  await queryRunner.query(`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`);
  await queryRunner.query(`ALTER TABLE ${table} FORCE ROW LEVEL SECURITY`);
  await queryRunner.query(
    `CREATE POLICY ${table}_tenant ON ${table} USING (${condition}) WITH CHECK (${condition})`,
  );
  await queryRunner.query(
    `CREATE POLICY ${table}_definer ON ${table} TO keyrun_definer USING (true) WITH CHECK (true)`,
  );
  await queryRunner.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO keyrun_definer`);
  await queryRunner.query(`GRANT SELECT ON ${table} TO keyrun_runtime`);
}
