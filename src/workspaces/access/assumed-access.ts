import type { Principal, AuthenticatedRequest } from './principal';

/** Who a request is assumed to come from, and what the database must still say of them. */
export type AssumedAccess = Pick<Principal, 'credential' | 'role' | 'scopes' | 'agentId'>;

/** What was assumed a moment ago does not hold any more, so nothing was started. */
export class OutdatedAssumption extends Error {
  constructor() {
    super('what was assumed does not hold any more');
  }
}

/** What is to be confirmed by what the request starts; null: nothing, its caller was authenticated. */
export function assumedAccess(request: AuthenticatedRequest): AssumedAccess | null {
  return request.assumedFor === undefined ? null : (request.principal ?? null);
}

/** What the request started has confirmed its caller. */
export function noteConfirmed(request: AuthenticatedRequest): void {
  delete request.assumedFor;
}
