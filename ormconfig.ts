import { DataSource } from 'typeorm';
import { CreateWorkspaces1764000000000 } from './migrations/1764000000000-create-workspaces';
import { CreateApiKeys1764000100000 } from './migrations/1764000100000-create-api-keys';
import { CreateExecutions1764000200000 } from './migrations/1764000200000-create-executions';
import { ApiKeyEntity } from './src/api-keys/api-key.entity';
import { databaseUrlOfCommandLine } from './src/config/database-url';
import { DataKeyEntity } from './src/crypto/data-key.entity';
import {
  AttemptOutcomeEntity,
  ExecutionAttemptEntity,
  ExecutionEntity,
  ExecutionOutputEntity,
} from './src/executions/execution.entity';
import {
  AccessTokenEntity,
  AccessTokenGrantEntity,
} from './src/workspaces/access-tokens/access-token.entity';
import { WorkspaceEntity } from './src/workspaces/workspace.entity';

/** Connections that one server keeps to PostgreSQL at the most. */
const POOL_SIZE = 20;

/**
 * The one definition of the database: entities, migrations, connection. The application, the tests and the
 * TypeORM command line all use it.
 * @param url - PostgreSQL connection string; undefined falls back to the driver's `PG*` variables.
 */
export function createDataSource(url: string | undefined): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    entities: [
      WorkspaceEntity,
      DataKeyEntity,
      AccessTokenEntity,
      AccessTokenGrantEntity,
      ApiKeyEntity,
      ExecutionEntity,
      ExecutionOutputEntity,
      ExecutionAttemptEntity,
      AttemptOutcomeEntity,
    ],
    migrations: [
      CreateWorkspaces1764000000000,
      CreateApiKeys1764000100000,
      CreateExecutions1764000200000,
    ],
    migrationsTransactionMode: 'each',
    synchronize: false,
    // Ids are made by us (UUIDv7); without these TypeORM would try to install an extension at each start.
    uuidExtension: 'pgcrypto',
    installExtensions: false,
    poolSize: POOL_SIZE,
    connectTimeoutMS: 5_000,
    applicationName: 'keyrun',
    extra: { statement_timeout: 30_000 },
    invalidWhereValuesBehavior: { null: 'throw', undefined: 'throw' },
  });
}

export default createDataSource(databaseUrlOfCommandLine());
