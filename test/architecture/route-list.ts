import { type INestApplication, RequestMethod, type Type } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants';
import { MetadataScanner, ModulesContainer, Reflector } from '@nestjs/core';
import { ACCESS_METADATA, type Permission } from '../../src/workspaces';
import { ASSUMPTION_METADATA } from '../../src/workspaces/access/confirmed-at-start.decorator';

/** A route of ours, as its controller declares it. */
export interface DeclaredRoute {
  /** E.g. `ApiKeysController.create`. */
  readonly handler: string;
  /** E.g. `post /api/workspaces/{workspaceId}/api-keys`, as OpenAPI writes it. */
  readonly operation: string;
  /** `undefined`: it declares nothing, so the guard refuses everybody. */
  readonly access: Permission | 'public' | undefined;
  /** Its caller may be taken as it was a moment ago, for what it starts confirms it. */
  readonly mayAssume: boolean;
}

type Handler = (...values: unknown[]) => unknown;

/** Every route of every controller that the application registered. */
export function declaredRoutes(app: INestApplication): DeclaredRoute[] {
  const modules = [...app.get(ModulesContainer, { strict: false }).values()];
  return modules.flatMap((module) =>
    [...module.controllers.values()].flatMap(({ metatype }) => routesOf(metatype as Type)),
  );
}

/** Every route of one controller. */
export function routesOf(controller: Type): DeclaredRoute[] {
  const prototype = controller.prototype as Record<string, Handler>;
  return new MetadataScanner().getAllMethodNames(prototype).flatMap((name) => {
    const handler = prototype[name]!;
    const method = Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod | undefined;
    if (method === undefined) return [];
    const targets = [handler, controller];
    return {
      handler: `${controller.name}.${name}`,
      operation: `${RequestMethod[method].toLowerCase()} ${pathOf(controller, handler)}`,
      access: new Reflector().getAllAndOverride<DeclaredRoute['access']>(ACCESS_METADATA, targets),
      mayAssume: Reflect.hasMetadata(ASSUMPTION_METADATA, handler),
    };
  });
}

function pathOf(controller: Type, handler: Handler): string {
  const own = [controller, handler].map((target) => Reflect.getMetadata(PATH_METADATA, target));
  const parts = own
    .join('/')
    .split('/')
    .filter((part) => part !== '');
  const prefix = parts[0] === 'health' ? [] : ['api'];
  return `/${[...prefix, ...parts].join('/')}`.replace(/:(\w+)/g, '{$1}');
}
