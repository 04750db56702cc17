import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { isUUID } from 'class-validator';
import { AppError } from '../../common';
import { nameToken } from '../../database';
import { RateLimits } from '../limits/rate-limits';
import { isAllowed } from './authority';
import type { AuthenticatedRequest } from './principal';
import { RequestAuthenticator } from './request-authenticator';
import { ACCESS_METADATA, type AccessDemand } from './requires.decorator';

/**
 * Authenticates the caller and checks the permission that the route declares. A workspace that is missing,
 * malformed or foreign gives the same 404: whether it exists is nobody's business.
 */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: RequestAuthenticator,
    private readonly rateLimits: RateLimits,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const demand = this.reflector.getAllAndOverride<AccessDemand | undefined>(ACCESS_METADATA, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (demand === 'public') return true;
    if (demand === undefined) throw new AppError('forbidden', 'This route declares no permission.');

    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const named = request.params.workspaceId as string | undefined;
    const workspaceId = named !== undefined && isUUID(named) ? named.toLowerCase() : null;
    const principal = await this.authenticator.authenticate(request, workspaceId);
    if (named !== undefined && (workspaceId === null || principal.role === null)) {
      throw new AppError('not_found', 'No such workspace.');
    }
    const { role } = principal;
    if (role === null || !isAllowed({ ...principal, role }, demand)) {
      throw new AppError('forbidden', `This needs the permission ${demand}.`);
    }
    nameToken(principal.tokenId);
    request.principal = { ...principal, role };
    await this.rateLimits.take(demand, request.principal);
    return true;
  }
}
