import type { TestApp } from './test-app';

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** One route of the OpenAPI document. */
export interface ApiRoute {
  readonly method: Method;
  /** As documented, e.g. `/api/workspaces/{workspaceId}`. */
  readonly path: string;
  /** Whether the document says that it needs a token. */
  readonly isProtected: boolean;
  /** `GET /api/workspaces/{workspaceId}` */
  readonly name: string;
}

/** Every route that the application documents, in its order. */
export async function apiRoutes(app: TestApp): Promise<ApiRoute[]> {
  const { body } = await app.request('get', '/docs-json', null).expect(200);
  const paths = body.paths as Record<string, Record<Method, { security?: unknown[] }>>;
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({
      method: method as Method,
      path,
      isProtected: operation.security !== undefined,
      name: `${method.toUpperCase()} ${path}`,
    })),
  );
}

const NOBODY = '0190d8f0-0000-7000-8000-000000000000';

/** The path with the workspace, and with ids that name nothing. */
export function fillPath(path: string, workspaceId: string): string {
  return path.replace('{workspaceId}', workspaceId).replace(/\{\w+\}/g, NOBODY);
}
