import type { IncomingMessage } from 'node:http';
import type { Response } from 'supertest';
import type { ApiRoute } from './api-routes';
import { THINGS, VALID_REQUESTS, type World } from './route-table';
import type { TestBench } from './test-bench';

/** What has to be added before the matrix can send the route a request that would do something. */
export function missingFor(route: ApiRoute): string[] {
  const parameters = route.path.match(/\{\w+\}/g) ?? [];
  const unknown = parameters.filter((name) => name !== '{workspaceId}' && !(name in THINGS));
  const takesBody = !['get', 'delete'].includes(route.method);
  const hasBody = VALID_REQUESTS[route.name]?.body !== undefined;
  return [
    ...unknown.map((name) => `THINGS of test/support/route-table.ts lacks ${name}: make one`),
    ...(takesBody && !hasBody
      ? [`VALID_REQUESTS of test/support/route-table.ts lacks ${route.name}: a body it takes`]
      : []),
  ];
}

/** A workspace with one thing of each kind in it, owned by the owner of the bench. */
export async function makeWorld(bench: TestBench): Promise<World> {
  const workspaceId = await bench.createWorkspace();
  const world: Record<string, string> = { '{workspaceId}': workspaceId };
  for (const [name, make] of Object.entries(THINGS)) world[name] = await make(bench, workspaceId);
  return world;
}

/** Sends the route what would be valid in the world. */
export async function sendTo(
  bench: TestBench,
  route: ApiRoute,
  world: World,
  token: string | null,
): Promise<Response> {
  const { query = '', body } = VALID_REQUESTS[route.name] ?? {};
  const path = route.path.replace(/\{\w+\}/g, (name) => world[name] ?? name);
  const request = bench.app.request(route.method, path + query, token);
  if (path.endsWith('/feed')) request.buffer(true).parse(readUnlessEndless);
  return body === undefined ? request : request.send(body(world));
}

/** A feed of events never ends: its head is enough. */
function readUnlessEndless(response: Response, done: (error: null, text: string) => void): void {
  const stream = response as unknown as IncomingMessage & { text: string };
  if (stream.headers['content-type']?.startsWith('text/event-stream') === true) {
    stream.destroy();
    stream.text = '';
    done(null, '');
    return;
  }
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('end', () => {
    stream.text = Buffer.concat(chunks).toString();
    done(null, stream.text);
  });
}

/** Headers that differ from answer to answer of the same thing. */
const VARYING = /^(x-request-id|date|ratelimit(-[a-z]+)?)$/;

/** Everything of an answer that its sender can see, without what says which answer it is. */
export function appearance({ status, headers, text }: Response): object {
  const requestId = (headers as Record<string, string>)['x-request-id'] ?? 'none';
  const shown = Object.entries(headers as Record<string, string>).map(
    ([name, value]) =>
      [name, VARYING.test(name) ? '' : value.replace(/'nonce-[\w-]+'/, "'nonce'")] as const,
  );
  return { status, headers: Object.fromEntries(shown), text: text.replace(requestId, '') };
}
