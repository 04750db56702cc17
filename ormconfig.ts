import pg from 'pg';
import { DataSource } from 'typeorm';
import { CreateWorkspaces1764000000000 } from './migrations/1764000000000-create-workspaces';
import { CreateApiKeys1764000100000 } from './migrations/1764000100000-create-api-keys';
import { CreateExecutions1764000200000 } from './migrations/1764000200000-create-executions';
import { SeparateTenants1764000300000 } from './migrations/1764000300000-separate-tenants';
import { CrossWorkspaceFunctions1764000400000 } from './migrations/1764000400000-cross-workspace-functions';
import { FinishAccessTokens1764000500000 } from './migrations/1764000500000-finish-access-tokens';
import { RateLimits1764000510000 } from './migrations/1764000510000-rate-limits';
import { CreateSessions1764000520000 } from './migrations/1764000520000-create-sessions';
import { CreateAuditEvents1764000600000 } from './migrations/1764000600000-create-audit-events';
import { CreateAuditFunctions1764000610000 } from './migrations/1764000610000-create-audit-functions';
import { MaintainKeys1764000700000 } from './migrations/1764000700000-maintain-keys';
import { FollowExecutions1764000800000 } from './migrations/1764000800000-follow-executions';
import { LifecycleFunctions1764000810000 } from './migrations/1764000810000-lifecycle-functions';
import { RescueFunctions1764000820000 } from './migrations/1764000820000-rescue-functions';
import { CreateContentKeys1764000900000 } from './migrations/1764000900000-create-content-keys';
import { CreateWebhooks1764001000000 } from './migrations/1764001000000-create-webhooks';
import { CreateWebhookFunctions1764001001000 } from './migrations/1764001001000-create-webhook-functions';
import { WatchAccess1764001100000 } from './migrations/1764001100000-watch-access';
import { GuardExecutions1764001200000 } from './migrations/1764001200000-guard-executions';
import { TellRolesOfToken1764001300000 } from './migrations/1764001300000-tell-roles-of-token';
import { PlanOnce1764001500000 } from './migrations/1764001500000-plan-once';
import { CloseTriggerFunctions1764001600000 } from './migrations/1764001600000-close-trigger-functions';
import { ForgetWhoTook1764001700000 } from './migrations/1764001700000-forget-who-took';
import { KeepWhatWaits1764001800000 } from './migrations/1764001800000-keep-what-waits';
import { ConfirmAtStart1764001900000 } from './migrations/1764001900000-confirm-at-start';
import { EnterQueue1764002000000 } from './migrations/1764002000000-enter-queue';
import { SettleWithoutCopies1764002200000 } from './migrations/1764002200000-settle-without-copies';
import { RestoreAttempts1764002300000 } from './migrations/1764002300000-restore-attempts';
import { ForgottenExecutions1764002400000 } from './migrations/1764002400000-forgotten-executions';
import { SweepWithALease1764002600000 } from './migrations/1764002600000-sweep-with-a-lease';
import { ForgetRequests1764002700000 } from './migrations/1764002700000-forget-requests';
import { ApiKeyEntity } from './src/api-keys/api-key.entity';
import { AuditEventEntity, AuditHeadEntity } from './src/audit/audit-event.entity';
import { databaseUrlOfCommandLine } from './src/config/database-url';
import { ContentKeyEntity } from './src/content/content-key.entity';
import { DataKeyEntity } from './src/crypto/data-key.entity';
import { WatchedPool } from './src/database/watched-pool';
import {
  AttemptOutcomeEntity,
  ExecutionAttemptEntity,
  ExecutionEntity,
} from './src/executions/ledger/execution.entity';
import {
  ExecutionOutputEntity,
  ExecutionRequestEntity,
} from './src/executions/ledger/execution-content.entity';
import { IdempotencyKeyEntity, ServerEntity } from './src/executions/ledger/lifecycle.entity';
import {
  WebhookAttemptEntity,
  WebhookDeliveryEntity,
} from './src/webhooks/webhook-delivery.entity';
import { WebhookEntity, WebhookSecretEntity } from './src/webhooks/webhook.entity';
import {
  AccessTokenEntity,
  AccessTokenGrantEntity,
} from './src/workspaces/access-tokens/access-token.entity';
import { SessionEntity } from './src/workspaces/sessions/session.entity';
import { WorkspaceEntity } from './src/workspaces/workspace.entity';

/**
 * `keyrun_runtime`: what the application works as, bound by row-level security. `keyrun_definer`: owns the functions
 * that cross workspaces, and is what the command line works as.
 */
export type DatabaseRole = 'keyrun_runtime' | 'keyrun_definer';

/** Connections that one server keeps to PostgreSQL at the most. */
const POOL_SIZE = 20;
const CONNECTION = {
  driver: { ...pg, Pool: WatchedPool },
  poolSize: POOL_SIZE,
  connectTimeoutMS: 5_000,
  applicationName: 'keyrun',
};

/**
 * The one definition of the database: entities, migrations, connection. The application, the tests and the
 * TypeORM command line all use it.
 * @param url - PostgreSQL connection string; undefined falls back to the driver's `PG*` variables.
 * @param role - the role to work as; undefined: the user of the connection string, who owns the tables.
 */
export function createDataSource(url: string | undefined, role?: DatabaseRole): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    entities: [
      WorkspaceEntity,
      DataKeyEntity,
      AccessTokenEntity,
      AccessTokenGrantEntity,
      SessionEntity,
      ApiKeyEntity,
      ContentKeyEntity,
      ExecutionEntity,
      ExecutionOutputEntity,
      ExecutionRequestEntity,
      IdempotencyKeyEntity,
      ServerEntity,
      ExecutionAttemptEntity,
      AttemptOutcomeEntity,
      AuditEventEntity,
      AuditHeadEntity,
      WebhookEntity,
      WebhookSecretEntity,
      WebhookDeliveryEntity,
      WebhookAttemptEntity,
    ],
    migrations: [
      CreateWorkspaces1764000000000,
      CreateApiKeys1764000100000,
      CreateExecutions1764000200000,
      SeparateTenants1764000300000,
      CrossWorkspaceFunctions1764000400000,
      FinishAccessTokens1764000500000,
      RateLimits1764000510000,
      CreateSessions1764000520000,
      CreateAuditEvents1764000600000,
      CreateAuditFunctions1764000610000,
      MaintainKeys1764000700000,
      FollowExecutions1764000800000,
      LifecycleFunctions1764000810000,
      RescueFunctions1764000820000,
      CreateContentKeys1764000900000,
      CreateWebhooks1764001000000,
      CreateWebhookFunctions1764001001000,
      WatchAccess1764001100000,
      GuardExecutions1764001200000,
      TellRolesOfToken1764001300000,
      PlanOnce1764001500000,
      CloseTriggerFunctions1764001600000,
      ForgetWhoTook1764001700000,
      KeepWhatWaits1764001800000,
      ConfirmAtStart1764001900000,
      EnterQueue1764002000000,
      SettleWithoutCopies1764002200000,
      RestoreAttempts1764002300000,
      ForgottenExecutions1764002400000,
      SweepWithALease1764002600000,
      ForgetRequests1764002700000,
    ],
    migrationsTransactionMode: 'each',
    synchronize: false,
    // Ids are made by us (UUIDv7); without these TypeORM would try to install an extension at each start.
    uuidExtension: 'pgcrypto',
    installExtensions: false,
    ...CONNECTION,
    extra: { statement_timeout: 30_000, ...(role && { options: `-c role=${role}` }) },
    invalidWhereValuesBehavior: { null: 'throw', undefined: 'throw' },
  });
}

export default createDataSource(databaseUrlOfCommandLine());
