import { Injectable } from '@nestjs/common';
import { isUUID } from 'class-validator';
import { AppError } from '../../common';
import { nameToken } from '../../database';
import { RateLimits } from '../limits/rate-limits';
import { isAllowed } from './authority';
import type { AuthenticatedRequest } from './principal';
import { type AuthenticatedCaller, RequestAuthenticator } from './request-authenticator';
import type { Permission, Role } from './roles';

/** Lets a request in that may do what its route demands, and no other. */
@Injectable()
export class RequestAccess {
  constructor(
    private readonly authenticator: RequestAuthenticator,
    private readonly rateLimits: RateLimits,
  ) {}

  /**
   * Authenticates the caller and checks the permission. A workspace that is missing, malformed or foreign gives the
   * same 404: whether it exists is nobody's business.
   * @throws {AppError} as {@link RequestAuthenticator.authenticate}, `not_found`, `forbidden`, `too_many_requests`
   */
  async establish(request: AuthenticatedRequest, demand: Permission): Promise<void> {
    const { named, workspaceId } = workspaceOf(request);
    const caller = await this.authenticator.authenticate(request, workspaceId);
    if (named !== undefined && (workspaceId === null || caller.role === null)) {
      throw new AppError('not_found', 'No such workspace.');
    }
    if (!mayDo(caller, demand)) {
      throw new AppError('forbidden', `This needs the permission ${demand}.`);
    }
    await this.letIn(request, caller, demand);
  }

  /**
   * Takes what was found out about the caller a moment ago, for a route that has it confirmed when it starts something.
   * @returns false when nothing was, or it would not do.
   */
  async assume(request: AuthenticatedRequest, demand: Permission): Promise<boolean> {
    const { workspaceId } = workspaceOf(request);
    if (workspaceId === null) return false;
    const caller = this.authenticator.recall(request, workspaceId);
    if (caller === null || !mayDo(caller, demand)) return false;
    request.assumedFor = demand;
    await this.letIn(request, caller, demand);
    return true;
  }

  /** Establishes what was assumed so far. @throws {AppError} as {@link establish} */
  async confirm(request: AuthenticatedRequest): Promise<void> {
    const { assumedFor } = request;
    if (assumedFor === undefined) return;
    delete request.assumedFor;
    delete request.principal;
    await this.establish(request, assumedFor);
  }

  private async letIn(
    request: AuthenticatedRequest,
    caller: AuthenticatedCaller & { readonly role: Role },
    demand: Permission,
  ): Promise<void> {
    nameToken(caller.tokenId);
    request.principal = caller;
    await this.rateLimits.take(demand, caller);
  }
}

function workspaceOf({ params }: AuthenticatedRequest) {
  const named = params.workspaceId as string | undefined;
  return { named, workspaceId: named !== undefined && isUUID(named) ? named.toLowerCase() : null };
}

function mayDo(
  caller: AuthenticatedCaller,
  demand: Permission,
): caller is AuthenticatedCaller & { readonly role: Role } {
  return caller.role !== null && isAllowed({ ...caller, role: caller.role }, demand);
}
