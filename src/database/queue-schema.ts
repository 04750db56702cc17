import { setTimeout as delay } from 'node:timers/promises';
import { PgBoss, type Queue } from 'pg-boss';
import { Client } from 'pg';
import type { Secret } from '../common';

/** Where pg-boss keeps its tables. No table of a tenant is there, and nothing but ids of executions. */
export const QUEUE_SCHEMA = 'pgboss';

/** The queue of the wake-ups of executions. */
export const EXECUTION_QUEUE = 'executions';

/** Whoever takes a wake-up removes it at once, so what is older than this was left behind by a killed node. */
const LEFT_BEHIND_SECONDS = 60;
const DAY_SECONDS = 86_400;

const QUEUE_OPTIONS: Omit<Queue, 'name' | 'policy' | 'partition'> = {
  // A wake-up is never repeated: whether an execution has to run is what the ledger says.
  retryLimit: 0,
  expireInSeconds: LEFT_BEHIND_SECONDS,
  deleteAfterSeconds: LEFT_BEHIND_SECONDS,
  retentionSeconds: DAY_SECONDS,
};

/** What the upkeep notes in the row of a queue; how the queue behaves is in the other columns. */
const NOTES_OF_UPKEEP = `deferred_count, blocked_count, queued_count, ready_count, active_count, failed_count,
  total_count, retained_count, retained_on, ready_history, ready_oldest_seconds, singletons_active,
  created_delta, completed_delta, failed_delta, delta_on, delta_seconds, wait_bins, run_bins,
  monitor_claim_on, monitor_on, maintain_on`;

/** To send, to take and to clean up; neither to make a queue nor to change one. */
const GRANTS = [
  'USAGE ON SCHEMA pgboss',
  'SELECT, INSERT, UPDATE, DELETE ON pgboss.job, pgboss.job_common',
  'SELECT, DELETE ON pgboss.job_dependency',
  `SELECT, UPDATE (${NOTES_OF_UPKEEP}) ON pgboss.queue`,
  'SELECT, UPDATE (flow_on, monitor_backoff_on) ON pgboss.version',
  'SELECT, UPDATE, DELETE ON pgboss.instance',
];

/**
 * Installs the schema of pg-boss, or brings it to the version of the installed library, and grants what the
 * application needs. Not one of our migrations: pg-boss numbers its schema itself and brings the steps from
 * one number to the next. Changes nothing that is as it should be.
 * @param url - connection of the owner of the tables.
 */
export async function installQueueSchema(url: Secret): Promise<void> {
  const boss = new PgBoss({
    connectionString: url.expose(),
    schema: QUEUE_SCHEMA,
    application_name: 'keyrun',
    max: 2,
    supervise: false,
    schedule: false,
    registerInstance: false,
  });
  // What fails rejects; besides, only the upkeep of indexes tells, which the next start tries again.
  boss.on('error', () => undefined);
  try {
    await boss.start();
    // 'short': an execution that already waits is not queued a second time.
    await boss.createQueue(EXECUTION_QUEUE, { ...QUEUE_OPTIONS, policy: 'short' });
    await boss.updateQueue(EXECUTION_QUEUE, QUEUE_OPTIONS);
    while (boss.isBamWorking()) await delay(20);
    await grant(url);
  } finally {
    await boss.stop({ graceful: false });
  }
}

async function grant(url: Secret): Promise<void> {
  const client = new Client({ connectionString: url.expose() });
  await client.connect();
  try {
    const grants = GRANTS.map((grant) => `GRANT ${grant} TO keyrun_runtime`);
    const revoke = 'REVOKE ALL ON ALL TABLES IN SCHEMA pgboss FROM keyrun_runtime';
    await client.query(['BEGIN', revoke, ...grants, 'COMMIT'].join('; '));
  } finally {
    await client.end();
  }
}
