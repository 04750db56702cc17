import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AccessTokenAuthenticator } from './access-tokens/access-token-authenticator';
import { AccessTokensController } from './access-tokens/access-tokens.controller';
import { AccessTokensService } from './access-tokens/access-tokens.service';
import { AccessGuard } from './access/access.guard';
import { FirstOwner } from './first-owner';
import { WorkspacesController } from './workspaces.controller';
import { WorkspacesService } from './workspaces.service';

/** Tenants, access tokens and roles; its guard stands before every route. */
@Module({
  controllers: [WorkspacesController, AccessTokensController],
  providers: [
    WorkspacesService,
    AccessTokensService,
    AccessTokenAuthenticator,
    FirstOwner,
    { provide: APP_GUARD, useClass: AccessGuard },
  ],
  exports: [FirstOwner],
})
export class WorkspacesModule {}
