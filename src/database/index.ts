export { DatabaseModule } from './database.module';
export { EmbeddedPostgres, type EmbeddedPostgresOptions } from './embedded/embedded-postgres';
export { openDatabase } from './open-database';
