import type request from 'supertest';
import { FaultyUpstream, type FaultyUpstreamOptions } from './faulty-upstream';
import { TestApp, type TestAppOptions } from './test-app';

export type VendorId = 'openai' | 'anthropic';

/** A model of each vendor that the price catalogue knows. */
export const MODELS: Readonly<Record<VendorId, string>> = {
  openai: 'gpt-4o-mini',
  anthropic: 'claude-haiku-4-5',
};

/** The application in front of a provider that fails on demand, and the requests that most tests make. */
export class TestBench {
  private constructor(
    readonly app: TestApp,
    readonly upstream: FaultyUpstream,
  ) {}

  static async start(
    options: FaultyUpstreamOptions = {},
    appOptions: Pick<TestAppOptions, 'replaced' | 'variables'> = {},
  ): Promise<TestBench> {
    const upstream = await FaultyUpstream.start(options);
    const variables = { KEYRUN_ALLOWED_HOSTS: upstream.host, ...appOptions.variables };
    const app = await TestApp.start({ ...appOptions, variables });
    return new TestBench(app, upstream);
  }

  async close(): Promise<void> {
    await this.app.close();
    await this.upstream.close();
  }

  /** A new workspace without keys; the owner's token owns it. */
  async createWorkspace(name = 'Workspace of a test'): Promise<string> {
    const answer = await this.app.request('post', '/api/workspaces').send({ name }).expect(201);
    return answer.body.id as string;
  }

  baseUrlOf(provider: VendorId): string {
    return provider === 'openai' ? this.upstream.openAiBaseUrl : this.upstream.url;
  }

  /** Saves a key that leads to the upstream. */
  async saveKey(provider: VendorId, fields: object = {}, workspaceId?: string): Promise<string> {
    const answer = await this.app
      .request('post', this.app.path('api-keys', workspaceId))
      .send({
        provider,
        apiKey: `sk-test-${provider}-00000000000000001234`,
        baseUrl: this.baseUrlOf(provider),
        ...fields,
      })
      .expect(201);
    return answer.body.id as string;
  }

  /** Starts an execution; everything may be overridden. */
  run(body: object, workspaceId?: string): request.Test {
    return this.app.request('post', this.app.path('executions', workspaceId)).send({
      agentId: 'test-agent',
      messages: [{ role: 'user', content: 'Hello' }],
      ...body,
    });
  }

  /** The stored record of an execution, as whoever started it was told. */
  async read(executionId: string, workspaceId?: string) {
    const told = { ...(await this.readDetail(executionId, workspaceId)) };
    delete told.request;
    return told;
  }

  /** The same with what was asked. */
  async readDetail(executionId: string, workspaceId?: string) {
    const path = this.app.path(`executions/${executionId}`, workspaceId);
    const answer = await this.app.request('get', path).expect(200);
    return answer.body;
  }

  async readKey(keyId: string, workspaceId?: string) {
    const path = this.app.path(`api-keys/${keyId}`, workspaceId);
    return (await this.app.request('get', path).expect(200)).body;
  }

  /**
   * The key once it has the status. What a use told about a key is noted beside the execution, so its
   * answer may come first; each look is a round trip, and there are at most a hundred.
   */
  async keyWithStatus(keyId: string, status: string, workspaceId?: string) {
    let key = await this.readKey(keyId, workspaceId);
    for (let look = 0; look < 100 && key.status !== status; look += 1) {
      key = await this.readKey(keyId, workspaceId);
    }
    expect(key.status).toBe(status);
    return key;
  }
}
