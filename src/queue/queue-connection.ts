import type { ConstructorOptions } from 'pg-boss';
import type { DataSource } from 'typeorm';
import { QUEUE_SCHEMA } from '../database';

/** One to look for work, one to remove what was taken, one for the upkeep; a further one listens. */
const CONNECTIONS = 3;
/** How often what killed nodes left behind is removed; one node does it for all. */
const UPKEEP_SECONDS = 60;
const DAY_SECONDS = 86_400;

/**
 * Connects as the application does: to the same server, as the same role. Changes nothing of the schema, and
 * keeps no history: neither of warnings nor of counts nor of nodes.
 */
export function queueConnection(dataSource: DataSource): ConstructorOptions {
  const { options } = dataSource;
  if (options.type !== 'postgres') throw new Error('the queue needs PostgreSQL');
  const { url, connectTimeoutMS } = options;
  return {
    ...(options.extra as object),
    connectionString: url,
    connectionTimeoutMillis: connectTimeoutMS,
    application_name: 'keyrun-queue',
    max: CONNECTIONS,
    schema: QUEUE_SCHEMA,
    migrate: false,
    createSchema: false,
    schedule: false,
    registerInstance: false,
    persistWarnings: false,
    reindex: false,
    monitorVacuum: false,
    superviseIntervalSeconds: UPKEEP_SECONDS,
    monitorIntervalSeconds: UPKEEP_SECONDS,
    maintenanceIntervalSeconds: UPKEEP_SECONDS,
    // Jobs that depend on others, of which there are none.
    flowIntervalSeconds: DAY_SECONDS,
  };
}
