export { ACCESS_TOKEN_PATTERN, isAccessToken } from './access-tokens/access-token.format';
export { CurrentPrincipal, CurrentWorkspaceId, type Principal } from './access/principal';
export {
  type AssumedAccess,
  assumedAccess,
  noteConfirmed,
  OutdatedAssumption,
} from './access/assumed-access';
export { ConfirmedAtStart } from './access/confirmed-at-start.decorator';
export { agentInReach } from './access/authority';
export { StandingAccess, type StandingClaim } from './access/standing-access';
export { LeakedTokens } from './access-tokens/leaked-tokens';
export { WrongMethodFilter } from './access/wrong-method.filter';
export { ACCESS_METADATA, Public, Requires } from './access/requires.decorator';
export { PERMISSIONS, type Permission, type Role, ROLES } from './access/roles';
export { WorkspaceEntity } from './workspace.entity';
export { WorkspacesModule } from './workspaces.module';
export { FirstOwner, type OwnerToken } from './first-owner';
