export { DatabaseModule } from './database.module';
export { EmbeddedPostgres, type EmbeddedPostgresOptions } from './embedded/embedded-postgres';
export { openDatabase, openMaintenanceDatabase } from './open-database';
export { EXECUTION_QUEUE, QUEUE_SCHEMA } from './queue-schema';
export { type PreparedStatement, PreparedStatements } from './prepared-statements';
export { TenantDatabase } from './tenant-database';
export { callerRequestId, callerTokenId, nameToken, runRequest } from './request-scope';
