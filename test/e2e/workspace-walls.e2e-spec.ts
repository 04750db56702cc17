import { expectProblem } from '../support/problem-of';
import { TestApp } from '../support/test-app';

/** What is named in the path, the matrix of `tenant-matrix` proves; here is every other way to name a thing. */
describe('the wall around a workspace', () => {
  let app: TestApp;
  let elsewhere: { id: string; token: string };

  beforeAll(async () => {
    app = await TestApp.start();
    const answer = await app.request('post', '/api/workspaces').send({ name: 'Elsewhere' });
    const id = answer.body.id as string;
    elsewhere = { id, token: await app.tokenOf('owner', id) };
  });

  afterAll(async () => {
    await app.close();
  });

  it('is not passed by an id in a body, by a filter, nor by what concerns many', async () => {
    const key = await app
      .request('post', app.path('api-keys'))
      .send({ provider: 'openai', apiKey: 'sk-test-behind-the-wall-1234' })
      .expect(201);
    const execution = {
      agentId: 'walled',
      model: 'echo',
      messages: [{ role: 'user', content: 'x' }],
    };
    await app
      .request('post', app.path('executions'))
      .send({ ...execution, provider: 'echo' })
      .expect(201);
    const path = (rest: string) => app.path(rest, elsewhere.id);
    const { token } = elsewhere;
    const tested = app.request('post', path('api-keys/test'), token).send({ keyId: key.body.id });
    expectProblem(await tested, 'not_found');
    const paid = app
      .request('post', path('executions'), token)
      .send({ ...execution, provider: 'openai', apiKeyId: key.body.id });
    expectProblem(await paid, 'provider_key_missing');
    await app.request('delete', path('api-keys?provider=openai'), token).expect(204);
    const after = await app.request('get', app.path(`api-keys/${key.body.id}`)).expect(200);
    const { warnings, ...saved } = key.body;
    expect(warnings).toEqual([]);
    expect(after.body).toEqual(saved);
    for (const list of ['api-keys', 'executions', `executions?apiKeyId=${key.body.id}`]) {
      expect((await app.request('get', path(list), token).expect(200)).body.data).toEqual([]);
    }
  });
});
