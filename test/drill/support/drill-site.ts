import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { newDataDirectory, ownerToken, ServerProcess, until } from '../../process/server-process';
import { DrillUpstream } from './drill-upstream';

/** A secret that no output and no problem may show. */
export const PROVIDER_KEY = 'sk-drill-000000000000000000009f3a';

/** What a client was told about one execution. */
export interface Told {
  readonly tag: string;
  /** Null: the connection broke. */
  readonly status: number | null;
  readonly executionId: string | null;
  readonly code: string | null;
  readonly content: string | null;
  readonly isJournaled: boolean;
  readonly retryAfter: string | null;
}

export interface RunOptions {
  readonly stream?: boolean;
  /** Further fields of the body. */
  readonly fields?: object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** A server and where it listens. */
export interface Node {
  readonly process: ServerProcess;
  readonly url: string;
}

/** One data directory, one provider, and as many servers as a drill wants. */
export class DrillSite {
  workspaceId = '';
  readonly told: Told[] = [];
  readonly processes: ServerProcess[] = [];
  #token = '';

  private constructor(
    readonly dataDirectory: string,
    readonly upstream: DrillUpstream,
  ) {}

  /**
   * The first server, with its embedded PostgreSQL and a key that leads to the upstream.
   * @param folder - the data directory. Default: a new one, which is removed after the drill.
   */
  static async open(
    variables: Record<string, string> = {},
    folder?: string,
  ): Promise<[DrillSite, Node]> {
    const dataDirectory = folder ?? (await newDataDirectory());
    const site = new DrillSite(dataDirectory, await DrillUpstream.start());
    const node = await site.start(variables);
    site.#token = await ownerToken(site.dataDirectory);
    const { data } = await site.call<{ data: { id: string }[] }>(node, 'GET', '/api/workspaces');
    site.workspaceId = data[0]!.id;
    await site.own(node, 'POST', 'api-keys', {
      provider: 'openai',
      apiKey: PROVIDER_KEY,
      baseUrl: site.upstream.baseUrl,
    });
    return [site, node];
  }

  /** A server on the data directory; with DATABASE_URL one beside the first. Allowed hosts come to the upstream. */
  async start({ KEYRUN_ALLOWED_HOSTS, ...variables }: Record<string, string> = {}): Promise<Node> {
    const process = new ServerProcess({
      dataDirectory: this.dataDirectory,
      variables: {
        KEYRUN_ALLOWED_HOSTS: [this.upstream.host, KEYRUN_ALLOWED_HOSTS ?? []].flat().join(','),
        KEYRUN_MANAGEMENT_REQUESTS_PER_MINUTE: '100000',
        LOG_LEVEL: 'warn',
        ...variables,
      },
    });
    this.processes.push(process);
    const url = await until('the address', () => {
      return /Keyrun is ready at (\S+)\n/.exec(process.stdout)?.[1] ?? null;
    });
    return { process, url };
  }

  /** One more server on the same database and host. */
  async startBeside(variables: Record<string, string> = {}): Promise<Node> {
    return this.start({ DATABASE_URL: await this.databaseUrl(), ...variables });
  }

  async databaseUrl(): Promise<string> {
    return (await readFile(join(this.dataDirectory, 'database-url'), 'utf8')).trim();
  }

  /** The status with which the server answers whether it is ready. */
  async readiness({ url }: Node): Promise<number> {
    return (await fetch(`${url}/health/ready`)).status;
  }

  /** Files of the receipt journal. */
  journalFiles(): string[] {
    return readdirSync(join(this.dataDirectory, 'journal'));
  }

  async close(): Promise<void> {
    await this.upstream.close();
  }

  /** Asks the database, as the owner of the tables. */
  async sql<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
    const client = new Client({ connectionString: await this.databaseUrl() });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Row>(text, values)).rows;
    } finally {
      await client.end();
    }
  }

  /** The JSON answer, whatever its status. */
  async call<T>(node: Node, method: string, path: string, body?: object): Promise<T> {
    const answer = await fetch(`${node.url}${path}`, {
      method,
      headers: this.headers(),
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    return (await answer.json()) as T;
  }

  /** The same, below the workspace. */
  async own<T>(node: Node, method: string, path: string, body?: object): Promise<T> {
    return this.call<T>(node, method, `/api/workspaces/${this.workspaceId}/${path}`, body);
  }

  /** What every request says. */
  headers(): Record<string, string> {
    return { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' };
  }

  /** An execution of that name. */
  body(tag: string, { stream, fields }: RunOptions = {}): object {
    const messages = [{ role: 'user', content: tag }];
    return { agentId: tag, provider: 'openai', model: 'gpt-4o-mini', stream, messages, ...fields };
  }

  /** The answer as it comes. Agent and prompt are the tag, so that ledger and upstream speak of the same. */
  async request(
    { url }: Pick<Node, 'url'>,
    tag: string,
    options: RunOptions = {},
  ): Promise<Response> {
    return fetch(`${url}/api/workspaces/${this.workspaceId}/executions`, {
      method: 'POST',
      headers: { ...this.headers(), ...options.headers },
      body: JSON.stringify(this.body(tag, options)),
      signal: options.signal,
    });
  }

  /** Runs one to its end and notes what the client was told. */
  async run(node: Node, tag: string, options: RunOptions = {}): Promise<Told> {
    const told = await this.ask(node.url, tag, options);
    this.told.push(told);
    return told;
  }

  /** The same at any address, not noted. */
  async ask(url: string, tag: string, options: RunOptions): Promise<Told> {
    const nothing = { tag, status: null, executionId: null, code: null, content: null };
    try {
      const answer = await this.request({ url }, tag, options);
      const text = await answer.text();
      const isStream = answer.headers.get('content-type')?.startsWith('text/event-stream') === true;
      const body = isStream ? lastEvent(text) : (JSON.parse(text) as Body);
      if (body === null) throw new Error('the stream broke off');
      return {
        tag,
        // An error event is told in a stream whose status is 200.
        status: body.code === undefined ? answer.status : Number(body.status),
        executionId: body.executionId ?? body.id ?? null,
        code: body.code ?? null,
        content: body.output?.content ?? null,
        isJournaled: answer.headers.get('execution-persistence') === 'journaled',
        retryAfter: answer.headers.get('retry-after'),
      };
    } catch {
      return { ...nothing, isJournaled: false, retryAfter: null };
    }
  }
}

interface Body {
  readonly id?: string;
  readonly executionId?: string;
  readonly code?: string;
  readonly status: string | number;
  readonly output?: { readonly content: string };
}

function lastEvent(text: string): Body | null {
  const data = /event: (?:done|error)\ndata: (.*)\n\n$/.exec(text)?.[1];
  return data === undefined ? null : (JSON.parse(data) as Body);
}
