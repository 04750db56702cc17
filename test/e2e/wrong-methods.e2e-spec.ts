import { ERROR_CATALOGUE } from '../../src/common';
import { type ApiRoute, apiRoutes, fillPath, type Method } from '../support/api-routes';
import { rowCounts } from '../support/database-contents';
import { expectProblem } from '../support/problem-of';
import { TestApp } from '../support/test-app';

const METHODS: readonly Method[] = ['get', 'post', 'put', 'patch', 'delete'];

describe('a method that a path does not have', () => {
  let app: TestApp;
  let routes: ApiRoute[];
  let paths: string[];

  beforeAll(async () => {
    app = await TestApp.start();
    routes = await apiRoutes(app);
    paths = [...new Set(routes.map(({ path }) => path))];
  });

  afterAll(async () => {
    await app.close();
  });

  /** Of the path, and of those with a parameter in the place of its words. */
  const methodsOf = (path: string): string[] => {
    const filled = fillPath(path, app.workspaceId);
    const takes = (route: ApiRoute) =>
      new RegExp(`^${route.path.replace(/\{\w+\}/g, '[^/]+')}$`).test(filled);
    return [...new Set(routes.filter(takes).map(({ method }) => method))];
  };
  const wrongOnes = () =>
    paths.flatMap((path) =>
      METHODS.filter((method) => !methodsOf(path).includes(method)).map((method) => ({
        method,
        path,
      })),
    );

  it('is 405 everywhere, says which ones it has, and does nothing', async () => {
    const before = await rowCounts(app.database.dataSource);
    expect(wrongOnes().length).toBeGreaterThan(50);
    for (const { method, path } of wrongOnes()) {
      const answer = await app.request(method, fillPath(path, app.workspaceId));
      expectProblem(answer, 'method_not_allowed');
      const allowed = answer.headers.allow!.split(', ').filter((name) => name !== 'HEAD');
      expect([path, allowed.sort()]).toEqual([
        path,
        methodsOf(path)
          .map((name) => name.toUpperCase())
          .sort(),
      ]);
    }
    expect(await rowCounts(app.database.dataSource)).toEqual(before);
  });

  it('counts HEAD with GET', async () => {
    const answer = await app.request('put', '/api/providers').expect(405);
    expect(answer.headers.allow).toBe('GET, HEAD');
  });

  it('tells nothing to who may not see the path: it is as one that does not exist', async () => {
    const created = await app.request('post', '/api/workspaces').send({ name: 'Elsewhere' });
    const stranger = await app.tokenOf('owner', created.body.id as string);
    const nowhere = '0190d8f0-1111-7000-8000-000000000000';
    for (const { method, path } of wrongOnes()) {
      const callers: [string | null, string][] = [
        [null, app.workspaceId],
        [app.ownerToken.slice(0, -1), app.workspaceId],
      ];
      if (path.includes('{workspaceId}')) {
        callers.push([stranger, app.workspaceId], [app.ownerToken, nowhere], [stranger, 'no-id']);
      }
      for (const [token, workspaceId] of callers) {
        const answer = await app.request(method, fillPath(path, workspaceId), token);
        const { detail } = expectProblem(answer, 'not_found');
        expect(detail).toBe(ERROR_CATALOGUE.not_found.remedy);
        expect(Object.keys(answer.headers)).not.toContain('allow');
      }
    }
  });

  it('gives who guesses tokens no more tries than any other route', async () => {
    const limited = await TestApp.start({
      variables: { KEYRUN_FAILED_AUTHENTICATIONS_PER_MINUTE: '2' },
    });
    try {
      const guess = () => limited.request('put', '/api/providers', 'kr_pat_guess');
      expectProblem(await guess(), 'not_found');
      expectProblem(await guess(), 'not_found');
      expectProblem(await guess(), 'too_many_requests');
    } finally {
      await limited.close();
    }
  });
});
