import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { PROJECT_ROOT } from '../../process/server-process';

const DAYS = 30;
const DAY_MS = 86_400_000;
const DOCUMENT = readFileSync(join(PROJECT_ROOT, 'web', 'openapi.json'), 'utf8');

/** Whether this version of the API has the route below a workspace. */
export function hasRoute(name: string): boolean {
  return DOCUMENT.includes(`/{workspaceId}/${name}"`);
}

/** Answers in the place of a server that does not report usage yet, so that the page has something to draw. */
export async function standInForUsage(page: Page): Promise<void> {
  if (hasRoute('usage')) return;
  await page.route(/\/usage\?/, async (route) => {
    const groups = (new URL(route.request().url()).searchParams.get('groupBy') ?? '').split(',');
    const days = groups.includes('day') ? DAYS : 1;
    const data = Array.from({ length: days }, (_, day) => row(groups, day)).flat();
    await route.fulfill({ json: { data, totals: FIGURES } });
  });
}

const FIGURES = {
  executions: 320,
  completed: 310,
  failed: 10,
  cancelled: 0,
  unpriced: 4,
  attempts: 330,
  inputTokens: 120_000,
  outputTokens: 45_000,
  costUsd: '3.214500000',
  latencyMsP50: 640,
  latencyMsP95: 2_310,
  errorRate: 0.031,
};

function row(groups: readonly string[], day: number): object[] {
  const providers = groups.includes('provider') ? ['openai', 'anthropic', 'echo'] : [undefined];
  return providers.map((provider, index) => ({
    ...FIGURES,
    ...(groups.includes('day')
      ? { day: new Date(Date.now() - day * DAY_MS).toISOString().slice(0, 10) }
      : {}),
    ...(provider === undefined ? {} : { provider }),
    ...(groups.includes('apiKey') ? { apiKeyId: null } : {}),
    costUsd: ((day % 7) * 0.013 * (index + 1) + 0.01).toFixed(9),
    latencyMsP50: 500 + 20 * (day % 9),
    latencyMsP95: 1_900 + 90 * (day % 5),
    errorRate: 0.01 * (day % 6),
  }));
}
