import { type ApiRoute, apiRoutes, fillPath } from '../support/api-routes';
import { expectProblem } from '../support/problem-of';
import { TestApp } from '../support/test-app';

const ROLES = ['viewer', 'developer', 'admin', 'owner'] as const;
type Role = (typeof ROLES)[number];

/**
 * The lowest role that may use each route, written down a second time on purpose. A route that is not here
 * fails the test: decide who may use it, and say so.
 */
const LOWEST_ROLE: Readonly<Record<string, Role | 'public'>> = {
  'GET /health/live': 'public',
  'GET /health/ready': 'public',
  'GET /api/providers': 'viewer',
  'POST /api/workspaces': 'admin',
  'GET /api/workspaces': 'viewer',
  'GET /api/workspaces/{workspaceId}': 'viewer',
  'PATCH /api/workspaces/{workspaceId}': 'admin',
  'DELETE /api/workspaces/{workspaceId}': 'owner',
  'POST /api/workspaces/{workspaceId}/tokens': 'admin',
  'GET /api/workspaces/{workspaceId}/tokens': 'admin',
  'DELETE /api/workspaces/{workspaceId}/tokens/{tokenId}': 'admin',
  'POST /api/workspaces/{workspaceId}/tokens/{tokenId}/rotate': 'admin',
  'GET /api/workspaces/{workspaceId}/data-key': 'owner',
  'POST /api/workspaces/{workspaceId}/data-key/rotate': 'owner',
  'GET /api/workspaces/{workspaceId}/audit-events': 'admin',
  'GET /api/workspaces/{workspaceId}/audit-events/export': 'admin',
  'GET /api/workspaces/{workspaceId}/audit-events/verify': 'admin',
  'POST /api/session': 'viewer',
  'GET /api/session': 'viewer',
  'DELETE /api/session': 'viewer',
  'POST /api/workspaces/{workspaceId}/api-keys': 'admin',
  'GET /api/workspaces/{workspaceId}/api-keys': 'viewer',
  'DELETE /api/workspaces/{workspaceId}/api-keys': 'admin',
  'GET /api/workspaces/{workspaceId}/api-keys/{keyId}': 'viewer',
  'PATCH /api/workspaces/{workspaceId}/api-keys/{keyId}': 'admin',
  'DELETE /api/workspaces/{workspaceId}/api-keys/{keyId}': 'admin',
  'PUT /api/workspaces/{workspaceId}/api-keys/{keyId}/secret': 'admin',
  'POST /api/workspaces/{workspaceId}/api-keys/test': 'admin',
  'POST /api/workspaces/{workspaceId}/executions': 'developer',
  'GET /api/workspaces/{workspaceId}/executions': 'viewer',
  'GET /api/workspaces/{workspaceId}/executions/{executionId}': 'viewer',
  'POST /api/workspaces/{workspaceId}/executions/estimate': 'developer',
};

describe('roles', () => {
  let app: TestApp;
  let routes: ApiRoute[];

  beforeAll(async () => {
    app = await TestApp.start();
    routes = await apiRoutes(app);
  });

  afterAll(async () => {
    await app.close();
  });

  /** A call that the guard decides on: what passes fails later, because it names nothing and says nothing. */
  const call = (route: ApiRoute, token: string | null, workspaceId = app.workspaceId) => {
    const path = fillPath(route.path, workspaceId);
    const request = app.request(route.method, path, token);
    return route.method === 'get' || route.method === 'delete' ? request : request.send({});
  };

  it('are decided for exactly the routes that are documented', () => {
    expect(routes.map((route) => route.name).sort()).toEqual(Object.keys(LOWEST_ROLE).sort());
    for (const route of routes) {
      expect([route.name, route.isProtected]).toEqual([
        route.name,
        LOWEST_ROLE[route.name] !== 'public',
      ]);
    }
  });

  it.each(ROLES)('%s may use what the role includes and nothing else', async (role) => {
    const answer = await app.request('post', '/api/workspaces').send({ name: 'Of the matrix' });
    const workspaceId = answer.body.id as string;
    const token = await app.tokenOf(role, workspaceId);
    // The route that ends everything comes last.
    const lastly = (route: ApiRoute) =>
      Number(route.name === 'DELETE /api/workspaces/{workspaceId}');
    for (const route of [...routes].sort((left, right) => lastly(left) - lastly(right))) {
      const lowest = LOWEST_ROLE[route.name]!;
      const isAllowed = lowest === 'public' || ROLES.indexOf(role) >= ROLES.indexOf(lowest);
      const result = await call(route, token, workspaceId);
      if (!isAllowed) {
        expect([route.name, expectProblem(result, 'forbidden').code]).toEqual([
          route.name,
          'forbidden',
        ]);
      } else {
        expect([route.name, [200, 201, 204, 400, 404].includes(result.status)]).toEqual([
          route.name,
          true,
        ]);
      }
    }
  });

  it('are asked for on every protected route: without a token it is 401', async () => {
    for (const route of routes) {
      const answer = await call(route, null);
      if (LOWEST_ROLE[route.name] === 'public') {
        expect(answer.status).toBe(200);
      } else {
        expectProblem(answer, 'unauthenticated');
        expect(answer.headers['www-authenticate']).toBe('Bearer realm="keyrun"');
      }
    }
  });

  it('hold in the home workspace where the path names none', async () => {
    const home = await app.request('post', '/api/workspaces').send({ name: 'Home' });
    const viewer = await app.tokenOf('viewer', home.body.id as string);
    await app.request('get', '/api/providers', viewer).expect(200);
    const refused = await app.request('post', '/api/workspaces', viewer).send({ name: 'Mine' });
    expectProblem(refused, 'forbidden');
  });
});
