import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AccessTokenAuthenticator } from './access-tokens/access-token-authenticator';
import { AccessTokenRotation } from './access-tokens/access-token-rotation';
import { AccessTokensController } from './access-tokens/access-tokens.controller';
import { AccessTokensService } from './access-tokens/access-tokens.service';
import { LeakedTokens } from './access-tokens/leaked-tokens';
import { AccessGuard } from './access/access.guard';
import { RequestAccess } from './access/request-access';
import { RequestAuthenticator } from './access/request-authenticator';
import { StandingAccess } from './access/standing-access';
import { WrongMethodFilter } from './access/wrong-method.filter';
import { DataKeysController } from './data-keys/data-keys.controller';
import { RootKeysController } from './data-keys/root-keys.controller';
import { FirstOwner } from './first-owner';
import { RateLimits } from './limits/rate-limits';
import { Sessions } from './sessions/sessions';
import { SessionsController } from './sessions/sessions.controller';
import { WorkspacesController } from './workspaces.controller';
import { WorkspacesService } from './workspaces.service';

/** Tenants, access tokens and roles; its guard stands before every route. */
@Module({
  controllers: [
    WorkspacesController,
    AccessTokensController,
    SessionsController,
    DataKeysController,
    RootKeysController,
  ],
  providers: [
    WorkspacesService,
    AccessTokensService,
    AccessTokenRotation,
    AccessTokenAuthenticator,
    LeakedTokens,
    RateLimits,
    Sessions,
    RequestAuthenticator,
    RequestAccess,
    StandingAccess,
    WrongMethodFilter,
    FirstOwner,
    { provide: APP_GUARD, useClass: AccessGuard },
  ],
  exports: [FirstOwner, RequestAccess, StandingAccess, WrongMethodFilter],
})
export class WorkspacesModule {}
