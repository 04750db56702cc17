import { AppError } from '../../common';
import { includesRole, type Permission, PERMISSION_NAMES, type Role, roleAllows } from './roles';

/** What a token may do in one workspace, and until when. */
export interface Authority {
  readonly role: Role;
  /** Narrow the role to these permissions; null: all that the role has. */
  readonly scopes: readonly Permission[] | null;
  /** The one agent that it may run executions as and read them of; null: any. */
  readonly agentId: string | null;
  /** Null: never ends. */
  readonly expiresAt: Date | null;
}

/** What tells of every agent of a workspace, and so is not for a token that is bound to one. */
const ABOUT_EVERY_AGENT = /^webhooks:/;

export function isAllowed({ role, scopes, agentId }: Authority, permission: Permission): boolean {
  if (agentId !== null && ABOUT_EVERY_AGENT.test(permission)) return false;
  return roleAllows(role, permission) && (scopes === null || scopes.includes(permission));
}

/** All that it allows. */
export function permissionsOf(authority: Authority): Permission[] {
  return PERMISSION_NAMES.filter((name) => isAllowed(authority, name));
}

/**
 * Whoever hands out authority can hand out at most their own.
 * @throws {AppError} `forbidden`, naming what goes beyond.
 */
export function refuseBeyond(holder: Authority, wanted: Authority): void {
  if (!includesRole(holder.role, wanted.role)) {
    throw new AppError('forbidden', `A token may get at most your own role, ${holder.role}.`);
  }
  const beyond = PERMISSION_NAMES.filter(
    (name) => isAllowed(wanted, name) && !isAllowed(holder, name),
  );
  if (beyond.length > 0) {
    throw new AppError('forbidden', `Your own token has no scope for: ${beyond.join(', ')}.`);
  }
  if (holder.agentId !== null && wanted.agentId !== holder.agentId) {
    throw new AppError('forbidden', 'Your own token is bound to an agent: name the same agentId.');
  }
  const { expiresAt } = holder;
  if (expiresAt !== null && (wanted.expiresAt === null || wanted.expiresAt > expiresAt)) {
    throw new AppError('forbidden', 'A token may not outlive the one that makes it.');
  }
}

/**
 * The agent that a request may be about: the one it names, or the one that its token is bound to.
 * @throws {AppError} `forbidden` when the token is bound to another one.
 */
export function agentInReach(
  { agentId: bound }: Pick<Authority, 'agentId'>,
  named: string | undefined,
): string | undefined {
  if (bound === null) return named;
  if (named !== undefined && named !== bound) {
    throw new AppError('forbidden', 'This token is bound to another agent.');
  }
  return bound;
}
