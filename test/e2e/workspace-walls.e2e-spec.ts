import type { Response } from 'supertest';
import { type ApiRoute, apiRoutes, fillPath } from '../support/api-routes';
import { rowCounts } from '../support/database-contents';
import { expectProblem } from '../support/problem-of';
import { TestApp } from '../support/test-app';

/** A body that each route would take, so that only the workspace is wrong. */
const BODY = { name: 'x', role: 'viewer' };

describe('the wall around a workspace', () => {
  let app: TestApp;
  let routes: ApiRoute[];
  let elsewhere: { id: string; token: string };
  let deletedId: string;

  beforeAll(async () => {
    app = await TestApp.start();
    routes = (await apiRoutes(app)).filter(({ path }) => path.includes('{workspaceId}'));
    const create = async (name: string): Promise<string> => {
      const answer = await app.request('post', '/api/workspaces').send({ name }).expect(201);
      return answer.body.id as string;
    };
    const id = await create('Elsewhere');
    elsewhere = { id, token: await app.tokenOf('owner', id) };
    deletedId = await create('Deleted');
    await app.request('delete', `/api/workspaces/${deletedId}`).expect(204);
  });

  afterAll(async () => {
    await app.close();
  });

  const call = (route: ApiRoute, workspaceId: string, token: string) => {
    const request = app.request(route.method, fillPath(route.path, workspaceId), token);
    return route.method === 'get' || route.method === 'delete' ? request : request.send(BODY);
  };
  const withoutRequestId = (answer: Response) => {
    const { requestId, ...rest } = expectProblem(answer, 'not_found');
    expect(requestId).toBeTruthy();
    return rest;
  };

  it('looks the same from outside whatever is behind it, on every route', async () => {
    expect(routes.length).toBeGreaterThanOrEqual(18);
    const before = await rowCounts(app.database.dataSource);
    const missing = '0190d8f0-1111-7000-8000-000000000000';
    const expected = withoutRequestId(await app.request('get', `/api/workspaces/${missing}`));
    for (const route of routes) {
      for (const [workspaceId, token] of [
        [app.workspaceId, elsewhere.token],
        [missing, app.ownerToken],
        [deletedId, app.ownerToken],
        ['not-a-uuid', app.ownerToken],
        ['%00', app.ownerToken],
        [`${app.workspaceId}0`, app.ownerToken],
        ['default', app.ownerToken],
        ["'; DROP TABLE workspaces; --", app.ownerToken],
      ] as const) {
        const answer = await call(route, workspaceId, token);
        expect({ route: route.name, workspaceId, ...withoutRequestId(answer) }).toEqual({
          route: route.name,
          workspaceId,
          ...expected,
        });
      }
    }
    expect(await rowCounts(app.database.dataSource)).toEqual(before);
  });

  it('holds for each thing inside: an id of another workspace is not found', async () => {
    const key = await app
      .request('post', app.path('api-keys'))
      .send({ provider: 'openai', apiKey: 'sk-test-behind-the-wall-1234' })
      .expect(201);
    const run = await app
      .request('post', app.path('executions'))
      .send({
        agentId: 'walled',
        provider: 'echo',
        model: 'echo',
        messages: [{ role: 'user', content: 'x' }],
      })
      .expect(201);
    const granted = await app
      .request('post', app.path('tokens'))
      .send({ name: 'Inside', role: 'viewer' })
      .expect(201);
    const path = (rest: string) => app.path(rest, elsewhere.id);
    const { token } = elsewhere;
    for (const [method, rest, body] of [
      ['get', `api-keys/${key.body.id}`, undefined],
      ['patch', `api-keys/${key.body.id}`, { label: 'Stolen' }],
      ['put', `api-keys/${key.body.id}/secret`, { apiKey: 'sk-test-replaced-0000' }],
      ['post', 'api-keys/test', { keyId: key.body.id }],
      ['delete', `api-keys/${key.body.id}`, undefined],
      ['get', `executions/${run.body.id}`, undefined],
      ['delete', `tokens/${granted.body.id}`, undefined],
    ] as const) {
      const request = app.request(method, path(rest), token);
      expectProblem(await (body === undefined ? request : request.send(body)), 'not_found');
    }
    await app.request('delete', path('api-keys?provider=openai'), token).expect(204);
    const after = await app.request('get', app.path(`api-keys/${key.body.id}`)).expect(200);
    const { warnings, ...saved } = key.body;
    expect(warnings).toEqual([]);
    expect(after.body).toEqual(saved);
    await app.request('get', app.path('executions'), granted.body.token as string).expect(200);
    for (const list of ['api-keys', 'executions']) {
      expect((await app.request('get', path(list), token).expect(200)).body.data).toEqual([]);
    }
    const filtered = path(`executions?apiKeyId=${key.body.id}`);
    expect((await app.request('get', filtered, token).expect(200)).body.data).toEqual([]);
  });
});
