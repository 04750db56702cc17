import { type ApiRoute, apiRoutes, fillPath } from '../support/api-routes';
import { contentsOfWorkspace, rowCounts } from '../support/database-contents';
import { expectProblem } from '../support/problem-of';
import { LOWEST_ROLE, type Role, ROLES, VALID_REQUESTS, type World } from '../support/route-table';
import { appearance, makeWorld, missingFor, sendTo } from '../support/tenant-world';
import { TestBench } from '../support/test-bench';

const MISSING = '0190d8f0-1111-7000-8000-000000000000';

/** Whatever the path says in the place of a workspace that is not the caller's. */
const NO_WORKSPACE = [
  'not-a-uuid',
  '%00',
  `${MISSING}0`,
  'default',
  "'; DROP TABLE workspaces; --",
];

describe('every route, for every role', () => {
  let bench: TestBench;
  let routes: ApiRoute[];
  let tenantRoutes: ApiRoute[];
  /** Of somebody else. */
  let foreign: World;

  beforeAll(async () => {
    bench = await TestBench.start();
    routes = await apiRoutes(bench.app);
    tenantRoutes = routes.filter(({ path }) => path.includes('{workspaceId}'));
    foreign = await makeWorld(bench);
  });

  afterAll(async () => {
    await bench.close();
  });

  const mayUse = (role: Role, { name }: ApiRoute) =>
    ROLES.indexOf(role) >= ROLES.indexOf(LOWEST_ROLE[name] as Role);
  const idOf = (world: World) => world['{workspaceId}']!;

  it('is decided for exactly the routes that are documented', () => {
    expect(routes.map((route) => route.name).sort()).toEqual(Object.keys(LOWEST_ROLE).sort());
    for (const route of routes) {
      expect([route.name, route.isProtected]).toEqual([
        route.name,
        LOWEST_ROLE[route.name] !== 'public',
      ]);
    }
  });

  it('can be tried with a request that would do something', () => {
    expect(tenantRoutes.flatMap(missingFor)).toEqual([]);
    const names = tenantRoutes.map(({ name }) => name);
    expect(Object.keys(VALID_REQUESTS).filter((name) => !names.includes(name))).toEqual([]);
    const added = { method: 'post', path: '/api/workspaces/{workspaceId}/x/{xId}' } as const;
    expect(missingFor({ ...added, isProtected: true, name: 'POST …/x/{xId}' })).toEqual([
      'THINGS of test/support/route-table.ts lacks {xId}: make one',
      'VALID_REQUESTS of test/support/route-table.ts lacks POST …/x/{xId}: a body it takes',
    ]);
  });

  it('asks for a token: without one it is 401', async () => {
    for (const route of routes) {
      const path = fillPath(route.path, bench.app.workspaceId);
      const answer = await bench.app.request(route.method, path, null);
      if (LOWEST_ROLE[route.name] === 'public') {
        expect(answer.status).toBe(200);
      } else {
        expectProblem(answer, 'unauthenticated');
        expect(answer.headers['www-authenticate']).toBe('Bearer realm="keyrun"');
      }
    }
  });

  describe.each(ROLES)('%s', (role) => {
    it('does in the own workspace what the role includes', async () => {
      for (const route of tenantRoutes.filter((candidate) => mayUse(role, candidate))) {
        const world = await makeWorld(bench);
        // Made last, because nobody may rotate a token that ends later than the own.
        const token = await bench.app.tokenOf(role, idOf(world));
        const answer = await sendTo(bench, route, world, token);
        expect([route.name, answer.status, answer.ok ? '' : answer.text]).toEqual([
          route.name,
          expect.any(Number),
          '',
        ]);
      }
    });

    it('and nothing else: that is 403 and changes nothing', async () => {
      const world = await makeWorld(bench);
      const token = await bench.app.tokenOf(role, idOf(world));
      // Notes the time of its use, which it does once a minute.
      await bench.app.request('get', '/api/workspaces', token).expect(200);
      const before = await contentsOfWorkspace(bench.app.database.dataSource, idOf(world));
      for (const route of tenantRoutes.filter((candidate) => !mayUse(role, candidate))) {
        const answer = await sendTo(bench, route, world, token);
        expect([route.name, expectProblem(answer, 'forbidden').code]).toEqual([
          route.name,
          'forbidden',
        ]);
      }
      expect(await contentsOfWorkspace(bench.app.database.dataSource, idOf(world))).toEqual(before);
    });

    it('cannot tell a foreign workspace from a missing one, byte by byte, nor change it', async () => {
      const token = await bench.app.tokenOf(role, await bench.createWorkspace());
      const { dataSource } = bench.app.database;
      const before = await contentsOfWorkspace(dataSource, idOf(foreign));
      const rows = await rowCounts(dataSource);
      for (const route of tenantRoutes) {
        const closed = await sendTo(bench, route, foreign, token);
        expectProblem(closed, 'not_found');
        const nowhere = { ...foreign, '{workspaceId}': MISSING };
        const missing = await sendTo(bench, route, nowhere, token);
        expect([route.name, appearance(closed)]).toEqual([route.name, appearance(missing)]);
      }
      expect(await contentsOfWorkspace(dataSource, idOf(foreign))).toEqual(before);
      expect(await rowCounts(dataSource)).toEqual(rows);
    });
  });

  it('looks the same for a workspace that was deleted and for what is no id', async () => {
    const deletedId = await bench.createWorkspace();
    await bench.app.request('delete', `/api/workspaces/${deletedId}`).expect(204);
    const token = await bench.app.tokenOf('owner', await bench.createWorkspace());
    const rows = await rowCounts(bench.app.database.dataSource);
    for (const route of tenantRoutes) {
      const at = (workspaceId: string) =>
        sendTo(bench, route, { ...foreign, '{workspaceId}': workspaceId }, token);
      const expected = appearance(await at(MISSING));
      for (const workspaceId of [deletedId, ...NO_WORKSPACE]) {
        expect([route.name, workspaceId, appearance(await at(workspaceId))]).toEqual([
          route.name,
          workspaceId,
          expected,
        ]);
      }
    }
    expect(await rowCounts(bench.app.database.dataSource)).toEqual(rows);
  });

  it('finds no thing of another workspace under its own: as if there were none', async () => {
    const own = await bench.createWorkspace();
    const token = await bench.app.tokenOf('owner', own);
    const { dataSource } = bench.app.database;
    const before = await contentsOfWorkspace(dataSource, idOf(foreign));
    const withThing = tenantRoutes.filter(({ path }) => /\{(?!workspaceId)\w+\}/.test(path));
    expect(withThing.length).toBeGreaterThanOrEqual(7);
    for (const route of withThing) {
      const nothing = Object.fromEntries(Object.keys(foreign).map((name) => [name, MISSING]));
      const closed = await sendTo(bench, route, { ...foreign, '{workspaceId}': own }, token);
      expectProblem(closed, 'not_found');
      const missing = await sendTo(bench, route, { ...nothing, '{workspaceId}': own }, token);
      expect([route.name, appearance(closed)]).toEqual([route.name, appearance(missing)]);
    }
    expect(await contentsOfWorkspace(dataSource, idOf(foreign))).toEqual(before);
  });

  it('counts the role in the home workspace where the path names none', async () => {
    const viewer = await bench.app.tokenOf('viewer', await bench.createWorkspace());
    for (const { name, method, path } of routes) {
      if (path.includes('{') || LOWEST_ROLE[name] === 'public') continue;
      const answer = await bench.app.request(method, path, viewer);
      if (LOWEST_ROLE[name] === 'viewer')
        expect([name, answer.body.code]).not.toContain('forbidden');
      else expectProblem(answer, 'forbidden');
    }
  });
});
