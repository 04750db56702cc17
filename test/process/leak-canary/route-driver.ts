import { once } from 'node:events';
import { connect } from 'node:net';
import { type OpenApi, type Operation, RequestSamples } from './request-samples';

export interface DriverOptions {
  readonly baseUrl: string;
  readonly token: string;
  /** A text that must never come back. */
  readonly secret: string;
  /** For the placeholders of paths and for the fields of bodies. */
  readonly values: Readonly<Record<string, unknown>>;
}

interface Route {
  readonly method: string;
  readonly path: string;
  readonly name: string;
  readonly operation: Operation;
}

const NOBODY = '0190d8f0-0000-7000-8000-000000000000';
/** Documented nowhere, since they are no part of the API. Those that do not exist yet answer 404. */
const PAGES = ['/', '/docs', '/docs-json', '/metrics', '/v1/models', '/nowhere'];

/** Calls every route of the OpenAPI document in every way that could make it repeat a secret. */
export class RouteDriver {
  /** Everything that came back, but for the tokens that a route exists to show. */
  readonly answers: string[] = [];
  /** Which routes showed a token. */
  readonly shown = new Set<string>();
  readonly successes = new Set<string>();
  /** The names of all routes. */
  readonly names: string[] = [];

  /** The cookie of a session, once one was begun. */
  private session = '';

  constructor(private readonly options: DriverOptions) {}

  async driveAll(): Promise<void> {
    const { baseUrl, token, secret, values } = this.options;
    const api = (await (await fetch(`${baseUrl}/docs-json`)).json()) as OpenApi;
    const samples = new RequestSamples(api, values);
    for (const route of inOrder(api)) {
      this.names.push(route.name);
      const path = this.fill(route.path);
      const whole = path + this.neededQuery(route.operation);
      const authorization = `Bearer ${token}`;
      for (const body of samples.bodiesOf(route.operation, secret)) {
        await this.call(route, path, { authorization }, JSON.stringify(body));
      }
      await this.callBadly(route, path);
      if (route.operation.requestBody === undefined) {
        await this.call(route, whole, { authorization });
        const origin = this.options.baseUrl;
        await this.call(route, whole, { cookie: this.session, origin, 'x-keyrun-csrf': '1' });
      }
    }
    for (const page of PAGES) {
      await this.call({ method: 'GET', name: page }, page, { authorization: `Bearer ${token}` });
    }
  }

  /** With the secret wherever a client may put it. */
  private async callBadly(route: Route, path: string): Promise<void> {
    const { token, secret } = this.options;
    const encoded = encodeURIComponent(secret);
    const authorization = `Bearer ${token}`;
    const basic = `Basic ${Buffer.from(`user:${secret}`).toString('base64')}`;
    const refused = [{ authorization: `Bearer ${secret}` }, { authorization: basic }];
    for (const headers of [...refused, { 'x-api-key': secret, cookie: `keyrun=${encoded}` }]) {
      await this.call(route, path, headers);
    }
    for (const query of [
      `key=${encoded}`,
      `limit=${encoded}`,
      `after=${encoded}&from=${encoded}`,
    ]) {
      await this.call(route, `${path}?${query}`, { authorization });
    }
    const elsewhere = route.path.replace(/\{\w+\}/g, encoded);
    if (elsewhere !== route.path) await this.call(route, elsewhere, { authorization });
    if (route.method === 'GET') return;
    for (const body of [`{"apiKey":"${secret}`, `{"apiKey":${secret}}`, secret]) {
      await this.call(route, path, { authorization }, body);
      await this.call(route, path, { authorization, 'content-type': 'text/plain' }, body);
    }
    const whole = JSON.stringify({ apiKey: secret });
    await this.abort(route.method, path, whole, whole.length);
    await this.abort(route.method, path, whole, 1_000);
  }

  private async call(
    route: Pick<Route, 'method' | 'name'>,
    path: string,
    headers: Readonly<Record<string, string>>,
    body?: string,
  ): Promise<void> {
    const { baseUrl } = this.options;
    const { method } = route;
    const answer = await fetch(`${baseUrl}${path}`, {
      method,
      redirect: 'manual',
      headers: { 'content-type': 'application/json', ...headers },
      body: method === 'GET' ? undefined : body,
    });
    if (answer.ok) this.successes.add(route.name);
    const isEndless = answer.ok && route.name.endsWith('/feed');
    const { token, ...rest } = parse(isEndless ? await firstOf(answer) : await answer.text());
    const begun = answer.headers.getSetCookie().find((cookie) => cookie.includes('kr_ses_'));
    if (token !== undefined || begun !== undefined) this.shown.add(route.name);
    this.session = begun?.split(';', 1)[0] ?? this.session;
    const shownHeaders = [...answer.headers].filter(([name]) => name !== 'set-cookie');
    this.answers.push(JSON.stringify([route.name, answer.status, shownHeaders, rest]));
  }

  /** Hangs up after the body, or after a part of the body that was announced. */
  private async abort(method: string, path: string, body: string, length: number): Promise<void> {
    const { hostname, port } = new URL(this.options.baseUrl);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    const head = [
      `${method} ${path} HTTP/1.1`,
      `Host: ${hostname}:${port}`,
      `Authorization: Bearer ${this.options.token}`,
      'Content-Type: application/json',
      `Content-Length: ${length}`,
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.resetAndDestroy());
    await once(socket, 'close');
  }

  private neededQuery({ parameters = [] }: Operation): string {
    const needed = parameters.filter((parameter) => parameter.in === 'query' && parameter.required);
    const pairs = needed.map(({ name }) => `${name}=${String(this.options.values[name])}`);
    return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
  }

  private fill(path: string): string {
    const { values } = this.options;
    return path.replace(/\{(\w+)\}/g, (_whole, name: string) => {
      const value = values[name];
      return typeof value === 'string' ? value : NOBODY;
    });
  }
}

/** What ends something comes last, and last of all what ends everything. */
function inOrder(api: OpenApi): readonly Route[] {
  const routes = Object.entries(api.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([name, operation]) => {
      const method = name.toUpperCase();
      return { method, path, name: `${method} ${path}`, operation };
    }),
  );
  const rank = ({ method, path }: Route) => (method === 'DELETE' ? 1_000 - path.length : 0);
  return routes.sort((left, right) => rank(left) - rank(right));
}

/** The first piece of an answer that never ends. */
async function firstOf(answer: Response): Promise<string> {
  const reader = answer.body!.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return Buffer.from(value ?? []).toString();
}

function parse(text: string): { readonly token?: unknown; readonly text?: string } {
  try {
    const parsed = JSON.parse(text) as unknown;
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed;
  } catch {
    // A page, a list of lines, nothing.
  }
  return { text };
}
