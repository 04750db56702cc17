/** The API of a running server, called with one token. */
export class ApiClient {
  private constructor(
    private readonly baseUrl: string,
    private readonly token: string,
    private readonly workspaceId: string,
  ) {}

  /** The workspace is the first one of the token. */
  static async connect(baseUrl: string, token: string): Promise<ApiClient> {
    const unbound = new ApiClient(baseUrl, token, '');
    const { data } = await unbound.call<{ data: { id: string }[] }>('GET', '/api/workspaces');
    return new ApiClient(baseUrl, token, data[0]!.id);
  }

  /** The JSON answer, whatever its status. */
  async call<T>(method: string, path: string, body?: object): Promise<T> {
    const answer = await fetch(`${this.baseUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    return (await answer.json()) as T;
  }

  /** The same, below the workspace. */
  async own<T>(method: string, path: string, body?: object): Promise<T> {
    return this.call<T>(method, `/api/workspaces/${this.workspaceId}/${path}`, body);
  }

  async run(body: object): Promise<Execution> {
    return this.own<Execution>('POST', 'executions', {
      agentId: 'process-test',
      messages: [{ role: 'user', content: 'Hello' }],
      ...body,
    });
  }
}

/** An execution, or the problem it ended in. */
export interface Execution {
  readonly id?: string;
  readonly status: string | number;
  readonly code?: string;
  readonly executionId?: string;
  readonly output?: { readonly content: string };
}
