import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import request from 'supertest';
import { pageHeaders, securityHeaders } from '../../src/common';
import { webUi } from '../../src/web-ui';

const SCRIPT = 'console.log("the script")';

describe('the built web UI', () => {
  let folder: string;
  let server: Server;
  let url: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'keyrun-ui-'));
    mkdirSync(join(folder, 'assets'));
    const page = '<meta name="style-nonce" content="__STYLE_NONCE__">';
    writeFileSync(join(folder, 'index.html'), page);
    writeFileSync(join(folder, 'favicon.svg'), '<svg/>');
    writeFileSync(join(folder, '.build-stamp'), 'stamp');
    writeFileSync(join(folder, 'assets', 'index-1a2b.js'), SCRIPT);
    writeFileSync(join(folder, 'assets', 'index-1a2b.js.br'), 'brotli');
    writeFileSync(join(folder, 'assets', 'index-1a2b.js.gz'), 'gzip');
    const app = express().use(securityHeaders(false)).use(pageHeaders).use(webUi(folder));
    app.use((_request, response) => {
      response.status(404).send('no');
    });
    server = app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterAll(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });

  it.each(['/', '/workspaces', '/workspaces/1/keys', '/workspaces/1/executions/2?status=failed'])(
    'answers %s with the page and the nonce of this answer',
    async (path) => {
      const answer = await request(url).get(path).expect(200);
      const [, nonce] = /content="([\w-]{22})"/.exec(answer.text)!;
      expect(answer.headers['content-security-policy']).toContain(`'nonce-${nonce}'`);
      expect(answer.headers).toMatchObject({
        'cache-control': 'no-store',
        'content-type': 'text/html; charset=utf-8',
      });
      const second = await request(url).get(path);
      expect(second.text).not.toBe(answer.text);
    },
  );

  it('keeps hashed files for good and others not at all', async () => {
    const plain = request(url).get('/assets/index-1a2b.js').set('accept-encoding', 'identity');
    const script = await plain.expect(200);
    expect(script.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    expect(script.headers['content-type']).toBe('text/javascript; charset=utf-8');
    const icon = await request(url).get('/favicon.svg').expect(200);
    expect(icon.headers['cache-control']).toBe('no-cache');
  });

  it.each([
    ['br, gzip', 'br', 'brotli'],
    ['gzip', 'gzip', 'gzip'],
    ['gzip;q=0', undefined, SCRIPT],
    ['identity', undefined, SCRIPT],
  ])('sends what %s accepts', async (accepted, encoding, body) => {
    const answer = await fetchRaw(`${url}/assets/index-1a2b.js`, accepted);
    expect(answer).toEqual({ encoding, body, vary: 'Accept-Encoding' });
  });

  it.each([
    '/assets/none.js',
    '/assets/',
    '/assets/..%2findex.html',
    '/assets/index-1a2b.js.br',
    '/.build-stamp',
    '/index.html',
    '/workspacesx',
    '/nothing',
  ])('has nothing at %s', async (path) => {
    await request(url).get(path).expect(404);
  });

  it('is only read', async () => {
    for (const path of ['/', '/workspaces/1/keys', '/assets/index-1a2b.js']) {
      await request(url).post(path).expect(404);
      await request(url).head(path).set('accept-encoding', 'identity').expect(200);
    }
  });

  it('is missing without harm when none is built', async () => {
    const app = express().use(webUi(join(folder, 'nowhere')));
    await request(app).get('/').expect(404);
  });
});

/** The body as it came over the wire. */
async function fetchRaw(address: string, accepted: string) {
  const { get } = await import('node:http');
  return new Promise<object>((resolve, reject) => {
    get(address, { headers: { 'accept-encoding': accepted } }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (text: string) => (body += text));
      answer.on('end', () => {
        const { vary } = answer.headers;
        resolve({ encoding: answer.headers['content-encoding'], body, vary });
      });
    }).on('error', reject);
  });
}
