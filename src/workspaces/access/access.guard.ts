import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { AppError } from '../../common';
import { ASSUMPTION_METADATA, type AssumptionRule } from './confirmed-at-start.decorator';
import type { AuthenticatedRequest } from './principal';
import { RequestAccess } from './request-access';
import { ACCESS_METADATA, type AccessDemand } from './requires.decorator';

/** Stands before every route: lets in who may do what the route declares. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly access: RequestAccess,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const handler = context.getHandler();
    const demand = this.reflector.getAllAndOverride<AccessDemand | undefined>(ACCESS_METADATA, [
      handler,
      context.getClass(),
    ]);
    if (demand === 'public') return true;
    if (demand === undefined) throw new AppError('forbidden', 'This route declares no permission.');

    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const rule = this.reflector.get<AssumptionRule | undefined>(ASSUMPTION_METADATA, handler);
    const mayAssume = rule?.unlessHeaders.every((name) => request.headers[name] === undefined);
    if (mayAssume === true && (await this.access.assume(request, demand))) return true;
    await this.access.establish(request, demand);
    return true;
  }
}
