import { sendRaw } from '../support/raw-http';
import { TestApp } from '../support/test-app';

const ROUTES = [
  '/',
  '/health/live',
  '/health/ready',
  '/docs',
  '/docs/swagger-ui-bundle.js',
  '/docs-json',
  '/api/workspaces',
  '/api/providers',
  '/v1/models',
  '/nothing',
];

describe('the host of a request', () => {
  let app: TestApp;
  let port: string;

  beforeAll(async () => {
    app = await TestApp.start({
      variables: { KEYRUN_PUBLIC_HOSTS: 'keyrun.example, Proxy.example:8443' },
    });
    port = new URL(app.url).port;
  });

  afterAll(async () => {
    await app.close();
  });

  const get = (target: string, ...hosts: string[]) =>
    sendRaw(
      app,
      [
        `GET ${target} HTTP/1.1`,
        ...hosts.map((host) => `Host: ${host}`),
        `Authorization: Bearer ${app.ownerToken}`,
        'Connection: close',
        '\r\n',
      ].join('\r\n'),
    );

  it.each(ROUTES)('is refused on %s when it is foreign', async (route) => {
    const answer = await get(route, 'evil.example');
    expect(answer.status).toBe(421);
    expect(JSON.parse(answer.text)).toMatchObject({ status: 421, code: 'misdirected_request' });
    expect(answer.text).not.toContain('evil');
  });

  it.each([
    'localhost.evil.example',
    'evil.localhost',
    'localhost.',
    'localhost@evil.example',
    '127.0.0.1.evil.example',
    '127.0.0.2',
    '0.0.0.0',
    '[::]',
    '10.0.0.1',
    'proxy.example',
    'proxy.example:80',
    'keyrun.example.evil',
    'sub.keyrun.example',
    '',
  ])('is refused when it is %j', async (host) => {
    expect((await get('/health/live', host)).status).toBe(421);
  });

  it.each([
    'localhost',
    'LOCALHOST',
    'localhost:8080',
    '127.0.0.1',
    '[::1]',
    '[::1]:3000',
    'keyrun.example',
    'Keyrun.Example:443',
    'proxy.example:8443',
  ])('is ours when it is %s', async (host) => {
    expect((await get('/health/live', host)).status).toBe(200);
  });

  it('counts in the target too, and only once', async () => {
    expect((await get('http://evil.example/health/live', 'localhost')).status).toBe(421);
    expect((await get(`http://localhost:${port}/health/live`, 'localhost')).status).toBe(200);
    expect((await get('/health/live', 'localhost', 'evil.example')).status).toBe(421);
    expect((await get('/health/live')).status).toBe(400);
  });

  it('is not what a proxy header claims', async () => {
    const answer = await sendRaw(
      app,
      'GET /health/live HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: localhost\r\nConnection: close\r\n\r\n',
    );
    expect(answer.status).toBe(421);
  });
});

describe('the headers of an answer', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await TestApp.start();
  });

  afterAll(async () => {
    await app.close();
  });

  it.each(ROUTES)('of %s keep out scripts, frames, sniffers and other origins', async (route) => {
    const answer = await app.request('get', route).set('Origin', 'https://evil.example');
    const policy = answer.headers['content-security-policy'] as string;
    expect(policy).toContain("default-src 'none'");
    // Where nothing is served, Express answers itself, and allows nothing at all.
    if (answer.status !== 404) expect(policy).toContain("frame-ancestors 'none'");
    // What is no page loads nothing.
    const isApi = /^\/(api|v1)\//.test(route);
    if (isApi) expect(policy).not.toMatch(/'self'|nonce|data:/);
    else if (answer.status !== 404) expect(policy).toContain("script-src 'self';");
    expect(policy).not.toMatch(/unsafe-eval|https?:|\*/);
    expect(policy.includes('unsafe-inline')).toBe(route.startsWith('/docs/') || route === '/docs');
    expect(answer.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'x-frame-options': 'DENY',
    });
    if (isApi) expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.headers).not.toHaveProperty('strict-transport-security');
    expect(Object.keys(answer.headers).filter((name) => /^access-control/.test(name))).toEqual([]);
  });

  it('are on answers that are problems, also before any route', async () => {
    const answers = [
      await app.request('get', '/api/workspaces', null).expect(401),
      await app.request('post', '/api/workspaces').type('text/plain').send('x').expect(415),
      await app.request('get', '/api/workspaces').set('Host', 'evil.example').expect(421),
    ];
    for (const { headers } of answers) {
      expect(headers).toMatchObject({ 'cache-control': 'no-store' });
      expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
    }
  });

  it('grant no origin anything, reflected or preflighted', async () => {
    for (const origin of ['null', 'https://evil.example', app.url, 'http://localhost:8080']) {
      for (const method of ['GET', 'POST', 'DELETE']) {
        const answer = await fetch(`${app.url}/api/workspaces`, {
          method: 'OPTIONS',
          headers: { origin, 'access-control-request-method': method },
        });
        expect([...answer.headers.keys()].filter((name) => /^access-control/.test(name))).toEqual(
          [],
        );
      }
    }
  });

  it('name a new style nonce each time', async () => {
    const nonce = async () =>
      /'nonce-([\w-]{22})'/.exec(
        (await app.request('get', '/health/live')).headers['content-security-policy'] as string,
      )![1];
    expect(await nonce()).not.toBe(await nonce());
  });

  it('say HSTS only when people come by https', async () => {
    const behindTls = await TestApp.start({
      variables: { KEYRUN_BEHIND_TLS: 'true' },
      nodeOf: app,
    });
    const answer = await behindTls.request('get', '/health/live');
    await behindTls.close();
    expect(answer.headers['strict-transport-security']).toBe('max-age=15552000');
  });

  it('let the API reference run: its page has no inline script', async () => {
    const page = (await app.request('get', '/docs').expect(200)).text;
    const scripts = [...page.matchAll(/<script([^>]*)>([^<]*)<\/script>/g)];
    expect(scripts.length).toBeGreaterThan(1);
    for (const [, attributes, code] of scripts) {
      expect(code!.trim()).toBe('');
      const source = /src="([^"]+)"/.exec(attributes!)![1]!;
      await app.request('get', new URL(source, `${app.url}/docs`).pathname).expect(200);
    }
    expect(page).not.toMatch(/\son\w+=/);
  });
});
