import type { WayIn } from './owner-token';

export interface BannerFacts {
  readonly baseUrl: string;
  readonly wayIn: WayIn | null;
  /** Path of the root key that was made at this start; null: none was. */
  readonly generatedRootKeyFile: string | null;
  /** Whether a person reads it. Logs are shipped, so the token itself is shown on a terminal only. */
  readonly isTerminal: boolean;
}

/** What a start prints for people: where it is, how to get in, and a first command that works. */
export function banner({ baseUrl, wayIn, generatedRootKeyFile, isTerminal }: BannerFacts): string {
  const lines = ['', `  Keyrun is ready at ${baseUrl}`, `  API reference      ${baseUrl}/docs`];
  if (wayIn !== null) {
    const shown = isTerminal
      ? `${wayIn.token.text}  (also in ${wayIn.tokenFile})`
      : `in ${wayIn.tokenFile}`;
    lines.push(`  Owner token        ${shown}`);
    if (isTerminal) lines.push(`  Sign in            ${baseUrl}/#token=${wayIn.token.text}`);
  }
  if (generatedRootKeyFile !== null) {
    lines.push(
      '',
      '  !! A root key was made. It encrypts every provider key.',
      `  !! BACK UP ${generatedRootKeyFile}`,
      '  !! Without it, stored keys are lost. In production, set KEYRUN_ROOT_KEY_FILE.',
    );
  }
  if (wayIn !== null) lines.push('', '  Try it:', '', firstCurl(baseUrl, wayIn));
  return `${lines.join('\n')}\n\n`;
}

function firstCurl(baseUrl: string, { token, tokenFile }: WayIn): string {
  const body = {
    agentId: 'first',
    provider: 'echo',
    model: 'echo',
    messages: [{ role: 'user', content: 'Hello' }],
  };
  return [
    `curl -s ${baseUrl}/api/workspaces/${token.workspaceId}/executions \\`,
    `  -H "Authorization: Bearer $(cat '${tokenFile}')" \\`,
    `  -H 'Content-Type: application/json' \\`,
    `  -d '${JSON.stringify(body)}'`,
  ].join('\n');
}
