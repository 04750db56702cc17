import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { isUUID } from 'class-validator';
import type { Request } from 'express';
import { AppError } from '../../common';
import { nameToken } from '../../database';
import { AccessTokenAuthenticator } from '../access-tokens/access-token-authenticator';
import type { AuthenticatedRequest } from './principal';
import { ACCESS_METADATA, type AccessDemand } from './requires.decorator';
import { isAllowed } from './roles';

/**
 * Authenticates the token and checks the permission that the route declares. A workspace that is missing,
 * malformed or foreign gives the same 404: whether it exists is nobody's business.
 */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: AccessTokenAuthenticator,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const demand = this.reflector.getAllAndOverride<AccessDemand | undefined>(ACCESS_METADATA, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (demand === 'public') return true;
    if (demand === undefined) throw new AppError('forbidden', 'This route declares no permission.');

    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    refuseSecretInUrl(request);
    const named = request.params.workspaceId as string | undefined;
    const workspaceId = named !== undefined && isUUID(named) ? named.toLowerCase() : null;
    const principal = await this.authenticator.authenticate(bearerToken(request), workspaceId);
    if (named !== undefined && (workspaceId === null || principal.role === null)) {
      throw new AppError('not_found', 'No such workspace.');
    }
    if (principal.role === null || !isAllowed(principal.role, demand)) {
      throw new AppError('forbidden', `This needs the permission ${demand}.`);
    }
    nameToken(principal.tokenId);
    request.principal = { ...principal, role: principal.role };
    return true;
  }
}

/** A token of ours, or the common form of a provider key; `task-4` is neither. */
const SECRET_IN_URL = /kr_pat_|(?<![\w-])sk-[\w-]{16,}/;

function refuseSecretInUrl(request: Request): void {
  if (SECRET_IN_URL.test(request.originalUrl)) throw new AppError('secret_in_url');
}

function bearerToken(request: Request): string {
  const [scheme, token, ...rest] = (request.headers.authorization ?? '').split(' ');
  if (scheme?.toLowerCase() !== 'bearer' || token === undefined || rest.length > 0) {
    throw new AppError('unauthenticated');
  }
  return token;
}
