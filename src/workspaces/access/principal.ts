import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import type { Role } from './roles';

/** Who calls: an access token, and its role in the workspace of the route. */
export interface Principal {
  readonly tokenId: string;
  /** The workspace of the route, else the token's home. */
  readonly workspaceId: string;
  readonly homeWorkspaceId: string;
  readonly role: Role;
}

export type AuthenticatedRequest = Request & { principal?: Principal };

/** The caller, as the guard established it. */
export const CurrentPrincipal = createParamDecorator((_: unknown, context: ExecutionContext) => {
  const { principal } = context.switchToHttp().getRequest<AuthenticatedRequest>();
  if (principal === undefined) throw new Error('@CurrentPrincipal() on a public route');
  return principal;
});

/** Id of the workspace of the route, authorised by the guard. */
export const CurrentWorkspaceId = createParamDecorator((_: unknown, context: ExecutionContext) => {
  const { principal } = context.switchToHttp().getRequest<AuthenticatedRequest>();
  if (principal === undefined) throw new Error('@CurrentWorkspaceId() on a public route');
  return principal.workspaceId;
});
