/** What a run takes, as far as this page sends it. */
export interface ExecutionRequest {
  readonly agentId: string;
  readonly provider: string;
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: unknown }[];
  readonly system?: string;
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly apiKeyId?: string;
  readonly stream?: boolean;
  /** `tools`, `toolChoice` and whatever else was asked. */
  readonly [name: string]: unknown;
}

/** The same request for a shell. The token comes from the environment: nothing secret is in the text. */
export function asCurl(workspaceId: string, request: ExecutionRequest): string {
  return [
    `curl -s ${location.origin}/api/workspaces/${workspaceId}/executions \\`,
    `  -H "Authorization: Bearer $KEYRUN_TOKEN" \\`,
    `  -H 'Content-Type: application/json' \\`,
    `  -d ${quote(JSON.stringify(request))}`,
  ].join('\n');
}

/** For a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
