/** Roles in a workspace, each including the ones before it. */
export const ROLES = ['viewer', 'developer', 'admin', 'owner'] as const;

/** One of {@link ROLES}. */
export type Role = (typeof ROLES)[number];

/** What a route may demand, and the lowest role that has it. */
export const PERMISSIONS = {
  'session:use': 'viewer',
  'workspaces:list': 'viewer',
  'workspaces:create': 'admin',
  'providers:read': 'viewer',
  'workspace:read': 'viewer',
  'workspace:update': 'admin',
  'workspace:delete': 'owner',
  'tokens:read': 'admin',
  'tokens:write': 'admin',
  'data-keys:read': 'owner',
  'data-keys:rotate': 'owner',
  'api-keys:read': 'viewer',
  'api-keys:write': 'admin',
  'api-keys:test': 'admin',
  'webhooks:read': 'developer',
  'webhooks:write': 'admin',
  'webhooks:test': 'admin',
  'audit:read': 'admin',
  'executions:read': 'viewer',
  'executions:run': 'developer',
  'usage:read': 'viewer',
} as const satisfies Record<string, Role>;

/** One of {@link PERMISSIONS}. */
export type Permission = keyof typeof PERMISSIONS;

export const PERMISSION_NAMES = Object.keys(PERMISSIONS) as Permission[];

/** Whether the role has the permission; the scopes of a token may still narrow it. */
export function roleAllows(role: Role, permission: Permission): boolean {
  return includesRole(role, PERMISSIONS[permission]);
}

/** Whether `role` may do all that `other` may. */
export function includesRole(role: Role, other: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(other);
}
