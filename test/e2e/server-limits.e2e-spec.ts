import { once } from 'node:events';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { openSocket, readAnswer, sendRaw } from '../support/raw-http';
import { TestApp } from '../support/test-app';

const ECHO = {
  agentId: 'a',
  provider: 'echo',
  model: 'echo',
  messages: [{ role: 'user', content: 'Hello' }],
};

describe('the limits of the server', () => {
  let app: TestApp;
  let server: Server;
  const sockets: Socket[] = [];

  beforeAll(async () => {
    app = await TestApp.start();
    server = app.app.getHttpServer();
  });

  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
    server.headersTimeout = 10_000;
    server.requestTimeout = 60_000;
  });

  afterAll(async () => {
    await app.close();
  });

  const head = (requestLine: string, ...headers: string[]) =>
    [
      `${requestLine} HTTP/1.1`,
      'Host: localhost',
      `Authorization: Bearer ${app.ownerToken}`,
      ...headers,
      '\r\n',
    ].join('\r\n');
  const slowSocket = (text: string) => {
    const socket = openSocket(app);
    socket.on('error', () => undefined);
    socket.write(text);
    sockets.push(socket);
    return socket;
  };
  const post = (path: string, body: string) =>
    app
      .request('post', path)
      .type('application/json')
      .serialize((text: unknown) => text as string)
      .send(body);

  it('are the ones that the documentation names', () => {
    expect(server).toMatchObject({
      headersTimeout: 10_000,
      requestTimeout: 60_000,
      keepAliveTimeout: 65_000,
      maxConnections: 10_000,
      timeout: 0,
    });
  });

  it('let a hundred clients that never finish their headers stop nobody', async () => {
    server.headersTimeout = 1_000;
    const slow = Array.from({ length: 100 }, () => slowSocket('GET /health/live HTTP/1.1\r\nHost'));
    const closed = slow.map((socket) => readAnswer(socket));
    const latencies: number[] = [];
    for (let look = 0; look < 100; look += 1) {
      const startedAt = performance.now();
      await app.request('get', '/health/live', null).expect(200);
      latencies.push(performance.now() - startedAt);
    }
    expect(latencies.sort((left, right) => left - right)[98]).toBeLessThan(10_000);
    for (const { status } of await Promise.all(closed)) expect(status).toBe(408);
  });

  it('end a body that arrives too slowly', async () => {
    server.headersTimeout = server.requestTimeout = 1_000;
    const socket = slowSocket(
      head(
        `POST ${app.path('executions')}`,
        'Content-Type: application/json',
        'Content-Length: 9999',
      ),
    );
    socket.write('{"agentId":');
    expect((await readAnswer(socket)).status).toBe(408);
  });

  it('never cut an answer under way', async () => {
    server.headersTimeout = server.requestTimeout = 500;
    const body = JSON.stringify({ ...ECHO, model: 'slow' });
    const answer = await post(app.path('executions'), body);
    expect(answer.status).toBe(201);
    expect(answer.body.latencyMs).toBeGreaterThan(1_500);
  });

  it('take a hundred header fields, not more, and 16 KiB of them', async () => {
    const many = (count: number) =>
      Array.from({ length: count }, (_, index) => `X-Field-${index}: x`);
    const live = (...headers: string[]) =>
      sendRaw(app, head('GET /api/workspaces', 'Connection: close', ...headers));
    expect((await live(...many(97))).status).toBe(200);
    const oneTooMany = await live(...many(98));
    expect([oneTooMany.status, JSON.parse(oneTooMany.text).code]).toEqual([
      431,
      'headers_too_large',
    ]);
    // Of far more, newer versions of node refuse the request themselves.
    for (const count of [150, 500]) expect((await live(...many(count))).status).toBe(431);
    expect((await live(`X-Long: ${'x'.repeat(17_000)}`)).status).toBe(431);
  });

  it.each([
    ['Content-Length twice', ['Content-Length: 2', 'Content-Length: 3']],
    ['Content-Length and Transfer-Encoding', ['Content-Length: 2', 'Transfer-Encoding: chunked']],
    ['a Content-Length that is no number', ['Content-Length: +2']],
    ['an unknown Transfer-Encoding', ['Transfer-Encoding: chunked, identity']],
    ['a folded header', ['X-One: 1', ' two']],
    ['a space before the colon', ['Content-Length : 2']],
  ])('refuse %s, which two readers may read as two requests', async (_name, headers) => {
    const answer = await sendRaw(
      app,
      `${head('POST /api/workspaces', 'Content-Type: application/json', 'Connection: close', ...headers)}{}`,
    );
    expect(answer.status).toBe(400);
  });

  it('refuse what is too deep or too wide at once, and name the field', async () => {
    const start = '{"agentId":"a","provider":"echo","model":"echo"';
    const nested = (open: string, inner: string, close: string) =>
      open.repeat(100_000) + inner + close.repeat(100_000);
    const wide = Array.from({ length: 100_000 }, (_, index) => `"k${index}":0`).join();
    for (const [field, value] of [
      ['messages', nested('[', '', ']')],
      ['metadata', nested('{"a":', '0', '}')],
      ['metadata', `{${wide}}`],
      ['messages', `[${'0,'.repeat(600_000)}0]`],
    ]) {
      const body = `${start},"${field}":${value}}`;
      const startedAt = performance.now();
      const answer = await post(app.path('executions'), body);
      expect(performance.now() - startedAt).toBeLessThan(10_000);
      expect([answer.status, answer.body.code]).toEqual([400, 'validation_failed']);
      expect(answer.body.errors).toMatchObject([{ pointer: `/${field}` }]);
    }
    const many = await post('/api/workspaces', `{${wide.slice(0, 60_000).replace(/,[^,]*$/, '')}}`);
    expect([many.status, many.body.code]).toEqual([400, 'validation_failed']);
    expect(many.body.errors).toHaveLength(1);
  });

  it('refuse a member twice, bytes that are no UTF-8, and another charset', async () => {
    const twice = await post('/api/workspaces', '{"name":"one","name":"two"}');
    expect(twice.body).toMatchObject({ status: 400, errors: [{ pointer: '/name' }] });
    const latin = await app
      .request('post', '/api/workspaces')
      .type('application/json')
      .serialize((body: unknown) => body as string)
      .send(Buffer.from('{"name":"caf\xe9"}', 'latin1') as unknown as string);
    expect(latin.body).toMatchObject({ status: 400, code: 'malformed_json' });
    const utf16 = await app
      .request('post', '/api/workspaces')
      .set('Content-Type', 'application/json; charset=utf-16le')
      .send('{"name":"x"}');
    expect(utf16.status).toBe(415);
    const marked = await post('/api/workspaces', '\ufeff{"name":"With a mark"}');
    expect(marked.body.name).toBe('With a mark');
  });

  it.each(['__proto__', 'constructor', 'prototype'])('let nobody pollute by %s', async (name) => {
    for (const path of ['/api/workspaces', app.path('executions'), app.path('api-keys')]) {
      for (const body of [
        `{"${name}":{"polluted":1}}`,
        `{"${name}":{"prototype":{"polluted":1}}}`,
        `{${JSON.stringify(ECHO).slice(1, -1)},"metadata":{"${name}":{"polluted":1}}}`,
      ]) {
        expect((await post(path, body)).status).not.toBe(500);
      }
    }
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  it('answer on the same connection afterwards', async () => {
    const socket = slowSocket(head('GET /health/live'));
    await once(socket, 'data');
    socket.write(head('GET /health/live', 'Connection: close'));
    expect((await readAnswer(socket)).status).toBe(200);
  });
});

describe('a server that closes', () => {
  it('does not wait for connections that nothing was asked on', async () => {
    const app = await TestApp.start();
    const socket = openSocket(app);
    await once(socket, 'connect');
    const closed = once(socket, 'close');
    await app.close();
    await closed;
  });
});
