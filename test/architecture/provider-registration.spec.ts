import { rm } from 'node:fs/promises';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import request from 'supertest';
import { AI_PROVIDERS, ProviderList } from '../../src/ai-providers';
import { AppModule } from '../../src/app.module';
import { APP_OPTIONS, configureApp } from '../../src/app.setup';
import { Environment } from '../../src/config';
import { generateRootKey, LocalKeyEncryption, parseRootKey } from '../../src/crypto';
import { FirstOwner, type OwnerToken } from '../../src/workspaces';
import { FaultyUpstream } from '../support/faulty-upstream';
import { makeScratchDirectory } from '../support/scratch-directory';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { AtlasProvider } from './atlas.provider';

const KEY = 'atl-0123456789-wxyz';

/** A new provider is its file and a line in the list: this one is only in the list of this test. */
describe('a provider that is only in the list', () => {
  let upstream: FaultyUpstream;
  let database: TestDatabase;
  let dataDirectory: string;
  let app: NestExpressApplication;
  let owner: OwnerToken;

  beforeAll(async () => {
    upstream = await FaultyUpstream.start();
    database = await createTestDatabase();
    dataDirectory = await makeScratchDirectory();
    const testingModule = await Test.createTestingModule({
      imports: [
        AppModule.register({
          environment: Environment.parse({
            KEYRUN_DATA_DIR: dataDirectory,
            LOG_LEVEL: 'silent',
            KEYRUN_ALLOWED_HOSTS: upstream.host,
          }),
          dataSource: database.dataSource,
          keyEncryption: new LocalKeyEncryption(parseRootKey(generateRootKey(), 'test')),
        }),
      ],
    })
      .overrideProvider(ProviderList)
      .useValue(new ProviderList([...AI_PROVIDERS, AtlasProvider]))
      .compile();
    app = testingModule.createNestApplication<NestExpressApplication>(APP_OPTIONS);
    configureApp(app);
    await app.init();
    owner = (await app.get(FirstOwner, { strict: false }).ensure())!;
  });

  afterAll(async () => {
    await app.close();
    await database.drop();
    await rm(dataDirectory, { recursive: true, force: true });
    await upstream.close();
  });

  const call = (method: 'get' | 'post' | 'delete', path: string) => {
    const server = request(app.getHttpServer());
    return server[method](`/api/${path}`).set('Authorization', `Bearer ${owner.text}`);
  };
  const own = (path: string) => `workspaces/${owner.workspaceId}/${path}`;
  const run = () =>
    call('post', own('executions')).send({
      agentId: 'explorer',
      provider: 'atlas',
      model: 'atlas-1',
      messages: [{ role: 'user', content: 'Where?' }],
    });
  const answerWith = (status: number, body: object) => {
    upstream.script([
      {
        raw: (response) => {
          response.writeHead(status, { 'content-type': 'application/json' });
          response.end(JSON.stringify(body));
        },
      },
    ]);
  };

  it('is listed for the user interface', async () => {
    const { body } = await call('get', 'providers').expect(200);
    expect(body.data).toContainEqual(AtlasProvider.description);
  });

  it('is told apart by the prefix of its keys', async () => {
    const answer = await call('post', own('api-keys'))
      .send({ provider: 'openai', apiKey: KEY, baseUrl: `${upstream.url}/v1` })
      .expect(201);
    expect(answer.body.warnings).toEqual([expect.stringContaining('Atlas')]);
  });

  it('needs a key', async () => {
    const answer = await run().expect(424);
    expect(answer.body.code).toBe('provider_key_missing');
    expect(upstream.requests).toEqual([]);
  });

  it('saves, masks and tests a key', async () => {
    const saved = await call('post', own('api-keys'))
      .send({ provider: 'atlas', apiKey: KEY, baseUrl: upstream.url })
      .expect(201);
    expect(saved.body).toMatchObject({ provider: 'atlas', last4: 'wxyz', warnings: [] });
    expect(JSON.stringify(saved.body)).not.toContain(KEY);

    answerWith(200, {});
    const accepted = await call('post', own('api-keys/test')).send({ keyId: saved.body.id });
    expect(accepted.body).toMatchObject({ ok: true, category: 'ok', model: 'atlas-1' });

    answerWith(418, {});
    const refused = await call('post', own('api-keys/test')).send({ keyId: saved.body.id });
    expect(refused.body).toMatchObject({ ok: false, category: 'credential_invalid' });
  });

  it('runs with retries, usage, cost and record', async () => {
    answerWith(503, {});
    answerWith(200, { text: 'There.', read: 1_000_000, written: 1 });
    const before = upstream.requests.length;
    const answer = await run().expect(201);
    expect(answer.body).toMatchObject({
      provider: 'atlas',
      status: 'completed',
      output: { content: 'There.' },
      usage: { inputTokens: 1_000_000, outputTokens: 1, source: 'provider' },
      costUsd: '3.000009',
      attempts: [{ status: 'failed', errorCategory: 'overloaded' }, { status: 'succeeded' }],
    });
    const sent = upstream.requests.slice(before);
    expect(sent.map(({ path }) => path)).toEqual(['/say', '/say']);
    expect(sent.map(({ headers }) => headers['x-atlas-key'])).toEqual([KEY, KEY]);

    const read = await call('get', own(`executions/${answer.body.id}`)).expect(200);
    expect(read.body).toEqual({ ...answer.body, request: expect.any(Object) });
    const listed = await call('get', own('executions?provider=atlas')).expect(200);
    expect(listed.body.data).toHaveLength(1);
  });

  it('estimates', async () => {
    const answer = await call('post', own('executions/estimate'))
      .send({ provider: 'atlas', model: 'atlas-1', messages: [{ role: 'user', content: 'Hm' }] })
      .expect(200);
    expect(answer.body.costUsd).toEqual({ low: '0.000000003', high: '0.000000012' });
  });

  it('loses its keys by its name', async () => {
    await call('delete', own('api-keys?provider=atlas')).expect(204);
    await run().expect(424);
  });
});
