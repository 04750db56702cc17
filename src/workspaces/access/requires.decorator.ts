import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiBearerAuth } from '@nestjs/swagger';
import type { Permission } from './roles';

/** Key of the metadata in which a route declares its {@link AccessDemand}. */
export const ACCESS_METADATA = 'keyrun:access';

/** What a route demands of its caller: a permission, or nothing. */
export type AccessDemand = Permission | 'public';

/**
 * The permission that a route demands: in the workspace that its path names, else in the home workspace of
 * the token. A route that declares nothing is refused to everybody.
 */
export function Requires(permission: Permission): MethodDecorator & ClassDecorator {
  return applyDecorators(SetMetadata(ACCESS_METADATA, permission), ApiBearerAuth());
}

/** A route that needs no token. */
export function Public(): MethodDecorator & ClassDecorator {
  return SetMetadata(ACCESS_METADATA, 'public' satisfies AccessDemand);
}
