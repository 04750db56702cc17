import { useUiBench } from './support/ui-suite';

/** A completed execution with many tokens and a small cost. */
const INSERT = `
  INSERT INTO agent_executions (id, workspace_id, agent_id, provider, model, status, created_at, started_at, completed_at, deadline_at,
                                latency_ms, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_source, cost_nano_usd)
  VALUES (uuidv7(), $1, 'agent', 'echo', 'echo', 'completed', now(), now(), now(), now(), 5, 26000000, 1, 0, 0, 0, 'provider', 135000)`;

describe('the usage page', () => {
  const bench = useUiBench();

  beforeAll(async () => {
    await bench().query(INSERT, [bench().workspaceId]);
  });

  it.each(['light', 'dark'] as const)('cuts no figure beside a chart, %s', async (colorScheme) => {
    const viewport = { width: 1_280, height: 800 };
    const options = { viewport, colorScheme, reducedMotion: 'reduce' } as const;
    const { page } = await bench().openSignedIn(bench().path('usage'), options);
    const labels = page.locator('.recharts-yAxis-tick-labels text');
    await labels.filter({ hasText: '28M' }).waitFor();
    await labels
      .filter({ hasText: /^\$0\.0000\d+$/ })
      .first()
      .waitFor();
    expect(await labels.evaluateAll(cutOff)).toEqual([]);
  });

  it('says that what echo costs is made up', async () => {
    const { page } = await bench().openSignedIn(bench().path('usage?by=agent'));
    await page.getByText(/^\$0\.000135 of the cost is of the built-in echo provider/).waitFor();
  });

  it('has no share above the whole, also when nothing failed', async () => {
    const { page } = await bench().openSignedIn(bench().path('usage'), { reducedMotion: 'reduce' });
    const labels = page
      .getByRole('region', { name: 'Failed' })
      .locator('.recharts-yAxis-tick-labels text');
    await labels.filter({ hasText: '100%' }).waitFor();
    expect(await labels.allTextContents()).toEqual(['0%', '25%', '50%', '75%', '100%']);
  });

  it.each(['from=2026-12-01&to=2026-11-01', 'from=2026-12-01', 'from=x&to=y'])(
    'says that %s is no range',
    async (search) => {
      const { page } = await bench().openSignedIn(bench().path(`usage?${search}`));
      const notice = page.getByText('The address names no range of days');
      await notice.waitFor();
      await page.getByRole('button', { name: '7 days' }).click();
      await notice.waitFor({ state: 'detached' });
    },
  );
});

/** In the page: the labels that begin left of the picture they are in. */
function cutOff(labels: Element[]): (string | null)[] {
  return labels
    .filter((label) => {
      const picture = label.closest('svg')?.getBoundingClientRect();
      return picture === undefined || label.getBoundingClientRect().left < picture.left;
    })
    .map(({ textContent }) => textContent);
}
