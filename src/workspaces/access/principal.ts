import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import type { Authority } from './authority';
import type { Permission } from './roles';

/** Somebody who is signed in to the web UI. */
export interface Session {
  readonly id: string;
  readonly expiresAt: Date;
}

/** What somebody proved their access with: the keyed digest of it, which proves nothing by itself. */
export interface Credential {
  readonly digest: Buffer;
  readonly isSession: boolean;
}

/** Who calls: an access token, and what it may do in the workspace of the route. */
export interface Principal extends Authority {
  readonly tokenId: string;
  /** The session of the web UI that it came through; null: the token was sent itself. */
  readonly session: Session | null;
  readonly credential: Credential;
  /** The workspace of the route, else the token's home. */
  readonly workspaceId: string;
  readonly homeWorkspaceId: string;
}

export type AuthenticatedRequest = Request & {
  principal?: Principal;
  /** The permission for which the principal is taken as it was a moment ago; undefined: it was authenticated. */
  assumedFor?: Permission;
};

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
