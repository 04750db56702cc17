export { DatabaseModule } from './database.module';
export { EmbeddedPostgres, type EmbeddedPostgresOptions } from './embedded/embedded-postgres';
export { openDatabase } from './open-database';
export { TenantDatabase } from './tenant-database';
export { callerRequestId, callerTokenId, nameToken, runRequest } from './request-scope';
