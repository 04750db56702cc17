import { randomUUID } from 'node:crypto';
import { type Browser, type BrowserContextOptions, chromium } from 'playwright-core';
import { Client } from 'pg';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cleanUp, newDataDirectory, ownerToken, ServerProcess } from '../../process/server-process';
import { type CommandResult, runKeys } from '../../process/command-process';
import { FaultyUpstream } from '../../support/faulty-upstream';
import { WebhookReceiver } from '../../support/webhook-receiver';
import { WatchedPage } from './watched-page';

/** Where Debian puts it. */
const CHROMIUM = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';

/** The key that the upstream accepts. */
export const GOOD_KEY = 'sk-proj-good-0000000000000000Wx7z';

/** A real server with a data directory of its own, a provider that it can reach, and a browser. */
export class UiBench {
  readonly watched: WatchedPage[] = [];

  private constructor(
    private server: ServerProcess,
    private readonly dataDirectory: string,
    readonly upstream: FaultyUpstream,
    readonly receiver: WebhookReceiver,
    readonly browser: Browser,
    readonly url: string,
    readonly token: string,
    readonly workspaceId: string,
  ) {}

  static async start(): Promise<UiBench> {
    const upstream = await FaultyUpstream.start({ acceptedKeys: new Set([GOOD_KEY]) });
    const receiver = await WebhookReceiver.start();
    const dataDirectory = join(await newDataDirectory(), 'data');
    const server = startServer(dataDirectory, [upstream.host, receiver.host], '0');
    const url = await server.ready();
    const token = await ownerToken(dataDirectory);
    const answer = await fetch(`${url}/api/workspaces`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const { data } = (await answer.json()) as { data: { id: string }[] };
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: sandboxArguments() });
    return new UiBench(server, dataDirectory, upstream, receiver, browser, url, token, data[0]!.id);
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.server.stop();
    await this.upstream.close();
    await this.receiver.close();
    await cleanUp();
  }

  /** Ends the server and starts it again under the same address. */
  async restart(whileDown: () => Promise<void>): Promise<void> {
    await this.server.stop();
    await whileDown();
    const hosts = [this.upstream.host, this.receiver.host];
    this.server = startServer(this.dataDirectory, hosts, new URL(this.url).port);
    await this.server.ready();
  }

  /** `npm run keyrun -- keys …` on the data of the server, which serves meanwhile. */
  async keys(...words: string[]): Promise<CommandResult> {
    return runKeys(words, { KEYRUN_DATA_DIR: this.dataDirectory });
  }

  /** Path of a page in the owner's workspace. */
  path(rest: string): string {
    return `/workspaces/${this.workspaceId}/${rest}`;
  }

  /** A page in a browser profile of its own, nobody signed in. */
  async open(path = '/', options: BrowserContextOptions = {}): Promise<WatchedPage> {
    const context = await this.browser.newContext({ baseURL: this.url, ...options });
    const watched = new WatchedPage(await context.newPage());
    this.watched.push(watched);
    await watched.page.goto(path);
    return watched;
  }

  /** The same, signed in as the owner by the link that the banner prints, or as somebody else. */
  async openSignedIn(
    path: string,
    options?: BrowserContextOptions,
    token = this.token,
  ): Promise<WatchedPage> {
    return this.open(`${path}#token=${token}`, options);
  }

  /** A new workspace of whoever has the token. */
  async createWorkspace(name: string, token = this.token): Promise<string> {
    return (await this.request<{ id: string }>('POST', '/api/workspaces', { name }, token)).id;
  }

  /** A new token of the owner's workspace. */
  async createToken(fields: object): Promise<string> {
    const body = { name: 'Of a test', role: 'viewer', ...fields };
    return (await this.call<{ token: string }>('POST', 'tokens', body)).token;
  }

  /** A request about the owner's workspace, as the owner. */
  async call<T>(method: string, path: string, body?: object): Promise<T> {
    return this.request(method, `/api/workspaces/${this.workspaceId}/${path}`, body, this.token);
  }

  private async request<T>(
    method: string,
    path: string,
    body: object | undefined,
    token: string,
  ): Promise<T> {
    const answer = await fetch(this.url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await answer.text();
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  /** Saves a key that leads to the upstream. */
  async saveKey(fields: object = {}): Promise<{ id: string; label: string }> {
    return this.call('POST', 'api-keys', {
      provider: 'openai',
      apiKey: GOOD_KEY,
      baseUrl: this.upstream.openAiBaseUrl,
      label: `Key ${randomUUID().slice(0, 8)}`,
      ...fields,
    });
  }

  /** A statement as the owner of the tables. */
  async query(text: string, values: unknown[] = []): Promise<void> {
    await this.withClient(async (client) => client.query(text, values));
  }

  /** Does the work while a transaction keeps what the statement locked. */
  async whileLocked(text: string, work: () => Promise<void>): Promise<void> {
    await this.withClient(async (client) => {
      await client.query('BEGIN');
      await client.query(text);
      await work();
      await client.query('ROLLBACK');
    });
  }

  private async withClient(work: (client: Client) => Promise<unknown>): Promise<void> {
    const url = (await readFile(join(this.dataDirectory, 'database-url'), 'utf8')).trim();
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      await work(client);
    } finally {
      await client.end();
    }
  }
}

function startServer(
  dataDirectory: string,
  allowedHosts: readonly string[],
  port: string,
): ServerProcess {
  return new ServerProcess({
    dataDirectory,
    variables: {
      PORT: port,
      LOG_LEVEL: 'warn',
      KEYRUN_ALLOWED_HOSTS: allowedHosts.join(','),
      KEYRUN_MANAGEMENT_REQUESTS_PER_MINUTE: '1000000',
      KEYRUN_KEY_TESTS_PER_MINUTE: '1000000',
      KEYRUN_FAILED_AUTHENTICATIONS_PER_MINUTE: '1000000',
    },
  });
}

/** Chromium refuses to run as root with its sandbox. */
function sandboxArguments(): string[] {
  return process.getuid?.() === 0 ? ['--no-sandbox'] : [];
}
