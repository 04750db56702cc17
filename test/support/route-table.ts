import { v7 as uuidv7 } from 'uuid';
import type { TestBench } from './test-bench';

export const ROLES = ['viewer', 'developer', 'admin', 'owner'] as const;
export type Role = (typeof ROLES)[number];

/**
 * The lowest role that may use each route, written down a second time on purpose. A route that is not here
 * fails `test/e2e/tenant-matrix`: decide who may use it, and say so.
 */
export const LOWEST_ROLE: Readonly<Record<string, Role | 'public'>> = {
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
  'GET /api/workspaces/{workspaceId}/root-keys': 'owner',
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
  'GET /api/workspaces/{workspaceId}/usage': 'viewer',
  'POST /api/workspaces/{workspaceId}/webhooks': 'admin',
  'GET /api/workspaces/{workspaceId}/webhooks': 'developer',
  'GET /api/workspaces/{workspaceId}/webhooks/{webhookId}': 'developer',
  'PATCH /api/workspaces/{workspaceId}/webhooks/{webhookId}': 'admin',
  'DELETE /api/workspaces/{workspaceId}/webhooks/{webhookId}': 'admin',
  'POST /api/workspaces/{workspaceId}/webhooks/{webhookId}/secret': 'admin',
  'POST /api/workspaces/{workspaceId}/webhooks/{webhookId}/test': 'admin',
  'GET /api/workspaces/{workspaceId}/webhooks/{webhookId}/deliveries': 'developer',
  'POST /api/workspaces/{workspaceId}/webhooks/{webhookId}/deliveries/{deliveryId}/redrive':
    'admin',
  'GET /api/workspaces/{workspaceId}/executions/feed': 'viewer',
  'GET /api/workspaces/{workspaceId}/executions/{executionId}/stream': 'viewer',
  'POST /api/workspaces/{workspaceId}/executions/{executionId}/cancel': 'developer',
};

/** A workspace with one thing of each kind in it: the id of the workspace, and of each path parameter. */
export type World = Readonly<Record<string, string>>;

/** Makes the thing that a path parameter names, in the workspace, and returns its id. */
export const THINGS: Readonly<
  Record<string, (bench: TestBench, workspaceId: string) => Promise<string>>
> = {
  '{keyId}': (bench, workspaceId) => bench.saveKey('openai', {}, workspaceId),
  '{executionId}': async (bench, workspaceId) =>
    (await bench.run(ECHO, workspaceId).expect(201)).body.id as string,
  '{tokenId}': async (bench, workspaceId) => {
    const path = bench.app.path('tokens', workspaceId);
    const made = bench.app.request('post', path).send({ name: 'Inside', role: 'viewer' });
    return (await made.expect(201)).body.id as string;
  },
  '{webhookId}': async (bench, workspaceId) => {
    const path = bench.app.path('webhooks', workspaceId);
    // Of an event that none of the requests makes, so that nothing is sent meanwhile.
    const body = { url: `${bench.upstream.url}/hook`, events: ['execution.cancelled'] };
    const made = bench.app.request('post', path).send(body);
    return (await made.expect(201)).body.id as string;
  },
  '{deliveryId}': async (bench, workspaceId) => {
    const id = uuidv7();
    await bench.app.database.dataSource.query(
      `INSERT INTO webhook_deliveries (id, workspace_id, webhook_id, execution_id, event, data,
         occurred_at, status, next_attempt_at, created_at)
       SELECT $1, workspace_id, id, $1, 'execution.cancelled', '{}', now(), 'delivered', now(), now()
         FROM webhooks WHERE workspace_id = $2`,
      [id, workspaceId],
    );
    return id;
  },
};

const ECHO = { provider: 'echo', model: 'echo', messages: [{ role: 'user', content: 'Hello' }] };

/** What is sent beside the path, so that the route does what it is for. */
export interface ValidRequest {
  readonly query?: string;
  readonly body?: (world: World) => object;
}

/** Every route below a workspace that takes a body or needs a query. */
export const VALID_REQUESTS: Readonly<Record<string, ValidRequest>> = {
  'PATCH /api/workspaces/{workspaceId}': { body: () => ({ name: 'Renamed' }) },
  'POST /api/workspaces/{workspaceId}/tokens': {
    body: () => ({ name: 'Another', role: 'viewer' }),
  },
  'POST /api/workspaces/{workspaceId}/tokens/{tokenId}/rotate': { body: () => ({}) },
  'POST /api/workspaces/{workspaceId}/data-key/rotate': { body: () => ({}) },
  'POST /api/workspaces/{workspaceId}/api-keys': {
    body: () => ({ provider: 'anthropic', apiKey: 'sk-test-of-the-matrix-0000' }),
  },
  'DELETE /api/workspaces/{workspaceId}/api-keys': { query: '?provider=openai' },
  'PATCH /api/workspaces/{workspaceId}/api-keys/{keyId}': { body: () => ({ label: 'Relabelled' }) },
  'PUT /api/workspaces/{workspaceId}/api-keys/{keyId}/secret': {
    body: () => ({ apiKey: 'sk-test-of-the-matrix-1111' }),
  },
  'POST /api/workspaces/{workspaceId}/api-keys/test': {
    body: (world) => ({ keyId: world['{keyId}'] }),
  },
  'POST /api/workspaces/{workspaceId}/executions': {
    body: () => ({ ...ECHO, agentId: 'of-the-matrix' }),
  },
  'POST /api/workspaces/{workspaceId}/executions/estimate': { body: () => ECHO },
  'POST /api/workspaces/{workspaceId}/executions/{executionId}/cancel': { body: () => ({}) },
  'POST /api/workspaces/{workspaceId}/webhooks': {
    body: () => ({ url: 'https://hooks.example.com/of-the-matrix' }),
  },
  'PATCH /api/workspaces/{workspaceId}/webhooks/{webhookId}': {
    body: () => ({ description: 'Described' }),
  },
  'POST /api/workspaces/{workspaceId}/webhooks/{webhookId}/secret': { body: () => ({}) },
  'POST /api/workspaces/{workspaceId}/webhooks/{webhookId}/test': { body: () => ({}) },
  'POST /api/workspaces/{workspaceId}/webhooks/{webhookId}/deliveries/{deliveryId}/redrive': {
    body: () => ({}),
  },
};
