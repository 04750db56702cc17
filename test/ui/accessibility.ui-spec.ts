import { join } from 'node:path';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { PROJECT_ROOT } from '../process/server-process';
import { useUiBench } from './support/ui-suite';

/** WCAG 2.2 AA is the sum of these. */
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
/** `UPDATE_SCREENSHOTS=1 npm run test:ui` rewrites those of the documentation. */
const SCREENSHOTS = process.env.UPDATE_SCREENSHOTS === '1';

/** Every page, what one waits for on it, and the button that brings it. */
const PAGES: readonly { path: string; text: string; button?: string }[] = [
  { path: 'keys', text: 'Saved keys' },
  { path: 'executions', text: 'agent-of-a-test' },
  { path: 'playground?provider=echo', text: 'Attempts and receipt', button: 'Run' },
  { path: 'usage', text: 'Cost per day' },
  { path: 'settings/workspace', text: 'Let the provider store answers too' },
  { path: 'settings/tokens', text: 'First owner' },
  { path: 'settings/webhooks', text: 'webhook' },
  { path: 'settings/audit', text: 'workspace.created' },
  { path: 'settings/encryption', text: 'Replace the data key…' },
  { path: 'nowhere', text: 'No such page' },
];

/** What opens over a page: where, and the buttons that lead to it. */
const DIALOGS = [
  ['keys', ['Add OpenAI key']],
  ['keys', ['More for Broken', 'Delete…']],
  ['keys', ['More for Broken', 'Replace the secret…']],
  ['settings/tokens', ['New token']],
  ['settings/encryption', ['Replace the data key…']],
] as const;

/** Four weeks of executions, so that the usage page has something to draw. */
const HISTORY = `
  INSERT INTO agent_executions (id, workspace_id, agent_id, provider, model, status, created_at, started_at, completed_at, deadline_at, latency_ms,
                                input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_source, cost_nano_usd)
  SELECT (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '7000' || '8' || substr(md5(day || model), 1, 15))::uuid,
         $1, 'support-agent', provider, model, 'completed', moment, moment, moment, moment, 600 + day % 7 * 90,
         900 + day % 5 * 400, 300 + day % 4 * 150, 0, 0, 0, 'provider', dearness * (2 + day % 6) * 1000000
  FROM (SELECT day, now() - day * interval '1 day' AS moment, provider, model, dearness
        FROM generate_series(1, 28) AS day,
             (VALUES ('openai', 'gpt-5-mini', 3), ('anthropic', 'claude-sonnet-4-5', 5), ('openai', 'gpt-5-nano', 1))
               AS used(provider, model, dearness)) AS made`;

describe.each(['light', 'dark'] as const)('in %s, the web UI is for everybody:', (colorScheme) => {
  const bench = useUiBench();

  beforeAll(async () => {
    await bench().query(HISTORY, [bench().workspaceId]);
    const broken = await bench().saveKey({
      label: 'Broken',
      apiKey: 'sk-proj-bad-000000000000abcd',
    });
    await bench().call('POST', 'api-keys/test', { keyId: broken.id });
    const off = await bench().saveKey({ label: 'Switched off' });
    await bench().call('PATCH', `api-keys/${off.id}`, { enabled: false });
    await bench().saveKey({ label: 'New', provider: 'anthropic', baseUrl: bench().upstream.url });
    for (const model of ['echo', 'error-429', 'tool']) {
      await bench().call('POST', 'executions', {
        agentId: 'agent-of-a-test',
        provider: 'echo',
        model,
        messages: [{ role: 'user', content: 'Hello' }],
      });
    }
  });

  const open = async (path: string) => {
    const { page } = await bench().openSignedIn('/', { colorScheme });
    await page.getByRole('heading', { name: 'Keys', exact: true }).waitFor();
    await page.goto(bench().path(path));
    return page;
  };

  it.each(PAGES)('$path', async ({ path, text, button }) => {
    const page = await open(path);
    if (button !== undefined) {
      await page.getByRole('button', { name: button, exact: true }).press('Enter');
    }
    await page.getByText(text).first().waitFor();
    await expectNoViolations(page);
    await takeScreenshot(page, path, colorScheme);
  });

  it.each(DIALOGS)('what opens on %s by %j', async (path, buttons) => {
    const page = await open(path);
    for (const name of buttons) {
      await page.getByRole('button', { name }).or(page.getByRole('menuitem', { name })).click();
    }
    await page.getByRole('dialog').waitFor();
    await page.locator('[role=menu]').waitFor({ state: 'detached' });
    await expectNoViolations(page);
  });

  it('the menu of a key', async () => {
    const page = await open('keys');
    await page.getByRole('button', { name: 'More for Broken' }).click();
    await page.getByRole('menuitem', { name: 'Delete…' }).waitFor();
    await expectNoViolations(page);
  });

  it('the way in', async () => {
    const { page } = await bench().open('/', { colorScheme });
    await page.getByRole('heading', { name: 'Sign in to Keyrun' }).waitFor();
    await expectNoViolations(page);
    await takeScreenshot(page, 'sign-in', colorScheme);
  });

  it('an execution with its attempts', async () => {
    const page = await open('executions?status=failed');
    await page
      .getByRole('row', { name: /agent-of-a-test/ })
      .getByRole('link')
      .click();
    await page.getByRole('dialog').getByText('Attempt 3').waitFor();
    await expectNoViolations(page);
    await takeScreenshot(page, 'execution', colorScheme);
  });

  it('a long list gives its columns all of its width', async () => {
    const page = await open('executions');
    const table = page.getByRole('table');
    await table.getByText('support-agent').first().waitFor();
    for (const width of [1_280, 1_000, 390]) {
      await page.setViewportSize({ width, height: 640 });
      const columns = await table.locator('th').evaluateAll((all) => {
        return all.reduce((sum, column) => sum + column.getBoundingClientRect().width, 0);
      });
      expect([width, Math.round(columns)]).toEqual([
        width,
        Math.round((await table.boundingBox())!.width),
      ]);
    }
  });

  it('is checked by something that can fail', async () => {
    const page = await open('keys');
    await page.getByText('Saved keys').waitFor();
    await page.evaluate(() => {
      document.querySelector('h1')?.style.setProperty('opacity', '0.3');
    });
    await expect(expectNoViolations(page)).rejects.toThrow('color-contrast');
  });
});

async function expectNoViolations(page: Page): Promise<void> {
  // What fades in has another contrast meanwhile.
  await page.waitForFunction(() =>
    document.getAnimations().every(({ playState }) => playState !== 'running'),
  );
  await page.evaluate(axe.source);
  const violations = await page.evaluate(async (tags) => {
    const { axe: inPage } = globalThis as unknown as { axe: typeof axe };
    const results = await inPage.run(document, { runOnly: { type: 'tag', values: tags } });
    return results.violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary ?? ''}`),
    );
  }, TAGS);
  expect(violations).toEqual([]);
}

async function takeScreenshot(page: Page, path: string, colorScheme: string): Promise<void> {
  if (!SCREENSHOTS || path === 'nowhere' || colorScheme === 'dark') return;
  const name = path.replace(/\?.*/, '').replaceAll('/', '-');
  await page.setViewportSize({ width: 1_000, height: 640 });
  await page.screenshot({ path: join(PROJECT_ROOT, 'docs', 'screenshots', `${name}.png`) });
}
