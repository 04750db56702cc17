import { rm } from 'node:fs/promises';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import request from 'supertest';
import { AppModule } from '../../src/app.module';
import { APP_OPTIONS, configureApp } from '../../src/app.setup';
import { Environment } from '../../src/config';
import { generateRootKey, LocalKeyEncryption, parseRootKey } from '../../src/crypto';
import { FirstOwner, type Role } from '../../src/workspaces';
import { makeScratchDirectory } from './scratch-directory';
import { createTestDatabase, type TestDatabase } from './test-database';

/** A test does in a second what a person does in an hour; the tests of the limits set their own. */
const UNLIMITED = {
  KEYRUN_MANAGEMENT_REQUESTS_PER_MINUTE: '1000000',
  KEYRUN_KEY_TESTS_PER_MINUTE: '1000000',
  KEYRUN_FAILED_AUTHENTICATIONS_PER_MINUTE: '1000000',
};

export interface TestAppOptions {
  /** Variables of the environment, e.g. `{ KEYRUN_ALLOWED_HOSTS: upstream.host }`. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Joins another application's database and root key: a second node. */
  readonly nodeOf?: TestApp;
  /** A provider that another takes the place of, e.g. a clock. */
  readonly replaced?: readonly [Type, unknown];
}

/** The real application on a database of its own, listening on a loopback port. */
export class TestApp {
  private constructor(
    readonly app: NestExpressApplication,
    readonly database: TestDatabase,
    readonly rootKey: string,
    readonly url: string,
    /** Owner of {@link TestApp.workspaceId}. */
    readonly ownerToken: string,
    readonly workspaceId: string,
    private readonly ownsDatabase: boolean,
    private readonly dataDirectory: string,
  ) {}

  static async start({ variables = {}, nodeOf, replaced }: TestAppOptions = {}): Promise<TestApp> {
    const database = nodeOf?.database ?? (await createTestDatabase());
    const rootKey = nodeOf?.rootKey ?? generateRootKey().expose();
    const dataDirectory = nodeOf?.dataDirectory ?? (await makeScratchDirectory());
    const environment = Environment.parse({
      NODE_ENV: 'test',
      KEYRUN_DATA_DIR: dataDirectory,
      // The leak canary runs these tests with everything that the log can say.
      LOG_LEVEL: process.env.KEYRUN_TEST_LOG_LEVEL ?? 'silent',
      KEYRUN_ROOT_KEY: rootKey,
      ...UNLIMITED,
      ...variables,
    });
    const { text, source } = environment.rootKey!;
    const builder = Test.createTestingModule({
      imports: [
        AppModule.register({
          environment,
          dataSource: database.runtime,
          keyEncryption: new LocalKeyEncryption(parseRootKey(text, source)),
        }),
      ],
    });
    if (replaced !== undefined) builder.overrideProvider(replaced[0]).useValue(replaced[1]);
    const testingModule = await builder.compile();
    const app = testingModule.createNestApplication<NestExpressApplication>(APP_OPTIONS);
    configureApp(app);
    await app.listen(0, '127.0.0.1');
    const owner = await app.get(FirstOwner, { strict: false }).ensure();
    return new TestApp(
      app,
      database,
      rootKey,
      await app.getUrl(),
      owner?.text ?? nodeOf!.ownerToken,
      owner?.workspaceId ?? nodeOf!.workspaceId,
      nodeOf === undefined,
      dataDirectory,
    );
  }

  /** A request with the owner's token, or with another one. `null`: without any. */
  request(
    method: 'get' | 'post' | 'put' | 'patch' | 'delete',
    path: string,
    token: string | null = this.ownerToken,
  ): request.Test {
    const call = request(this.url)[method](path);
    return token === null ? call : call.set('Authorization', `Bearer ${token}`);
  }

  /** Path below the owner's workspace. */
  path(rest: string, workspaceId = this.workspaceId): string {
    return `/api/workspaces/${workspaceId}/${rest}`;
  }

  /** A token with the role in the workspace. */
  async tokenOf(role: Role, workspaceId = this.workspaceId): Promise<string> {
    const answer = await this.request('post', this.path('tokens', workspaceId))
      .send({ name: `${role} of a test`, role })
      .expect(201);
    return (answer.body as { token: string }).token;
  }

  async close(): Promise<void> {
    await this.app.close();
    if (!this.ownsDatabase) return;
    await this.database.drop();
    await rm(this.dataDirectory, { recursive: true, force: true });
  }
}
