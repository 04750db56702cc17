import type { OpenAPIObject } from '@nestjs/swagger';
import { TestApp } from '../support/test-app';
import { operationsOf, openApiFaults, propertiesBelow, referencesOf } from './openapi-faults';
import { declaredRoutes } from './route-list';

const SECRET_NAMES = ['apiKey', 'secret', 'encryptedKey', 'password', 'rootKey', 'digest'];

describe('the OpenAPI document', () => {
  let app: TestApp;
  let document: OpenAPIObject;

  beforeAll(async () => {
    app = await TestApp.start();
    const answer = await app.request('get', '/docs-json', null).expect(200);
    document = answer.body as OpenAPIObject;
  });

  afterAll(async () => {
    await app.close();
  });

  it('is sound', () => {
    expect(openApiFaults(document)).toEqual([]);
  });

  it('is checked by something that can fail', () => {
    const broken = structuredClone(document);
    const path = broken.paths['/api/workspaces/{workspaceId}/executions']!;
    path.post!.parameters = [];
    path.post!.summary = '';
    path.get!.tags = [];
    path.get!.operationId = path.post!.operationId;
    path.get!.responses = { 200: { $ref: '#/components/responses/Nothing' } };
    expect(openApiFaults(broken)).toEqual([
      'get /api/workspaces/{workspaceId}/executions: no tag',
      'post /api/workspaces/{workspaceId}/executions: no path parameter workspaceId',
      'post /api/workspaces/{workspaceId}/executions: no summary',
      expect.stringContaining('operationId ExecutionsController_run is not unique'),
      '#/components/responses/Nothing leads nowhere',
    ]);
  });

  it('has every route and no other', () => {
    const declared = declaredRoutes(app.app).map(({ operation }) => operation);
    const described = operationsOf(document).map(({ name }) => name);
    expect(described.sort()).toEqual(declared.sort());
  });

  it('asks for a token exactly where one is needed', () => {
    const described = operationsOf(document)
      .filter(({ operation }) => (operation.security ?? []).length > 0)
      .map(({ name }) => name);
    const guarded = declaredRoutes(app.app).filter(({ access }) => access !== 'public');
    expect(described.sort()).toEqual(guarded.map(({ operation }) => operation).sort());
  });

  it('describes a JSON body wherever one is answered', () => {
    const silent = operationsOf(document).filter(({ name, operation }) => {
      const successes = Object.entries(operation.responses).filter(([code]) => /^2/.test(code));
      const describes = successes.some(
        ([code, answer]) => code === '204' || (answer !== undefined && 'content' in answer),
      );
      // A stream of events has no body of JSON.
      const isStream = /\/(stream|feed)$/.test(name);
      return !describes && !isStream && !name.endsWith('/health/live');
    });
    expect(silent.map(({ name }) => name)).toEqual([]);
  });

  it('has no response with a secret in it, but where one is made for a receiver', () => {
    const leaks = operationsOf(document).flatMap(({ name, operation }) =>
      propertiesBelow(document, operation.responses)
        // The form of a credential says by `secret: true` that an input is shown as dots.
        .filter((property) => SECRET_NAMES.includes(property.name) && property.type !== 'boolean')
        .map((property) => `${name}: ${property.name}`),
    );
    expect(leaks).toEqual([
      'post /api/workspaces/{workspaceId}/webhooks: secret',
      'post /api/workspaces/{workspaceId}/webhooks/{webhookId}/secret: secret',
    ]);
  });

  it('would show a secret in a response', () => {
    const request = operationsOf(document).find(
      ({ name }) => name === 'post /api/workspaces/{workspaceId}/api-keys',
    );
    const names = propertiesBelow(document, request!.operation.requestBody).map(({ name }) => name);
    expect(names).toContain('apiKey');
  });

  it('shows an access token only when it is made or replaced', () => {
    const showing = operationsOf(document).filter(({ operation }) =>
      propertiesBelow(document, operation.responses).some(({ name }) => name === 'token'),
    );
    expect(showing.map(({ name }) => name)).toEqual([
      'post /api/workspaces/{workspaceId}/tokens',
      'post /api/workspaces/{workspaceId}/tokens/{tokenId}/rotate',
    ]);
  });

  it('describes no schema that nothing uses', () => {
    const used = new Set(referencesOf(document));
    const unused = Object.keys(document.components?.schemas ?? {}).filter(
      (name) => !used.has(`#/components/schemas/${name}`),
    );
    expect(unused).toEqual([]);
  });
});
