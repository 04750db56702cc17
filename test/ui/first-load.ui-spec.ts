import { useUiBench } from './support/ui-suite';

const FIRST_SCRIPTS_BYTES_MAX = 250_000;

describe('the first page', () => {
  const bench = useUiBench();

  it('needs at most 250 kB of script, as it is sent', async () => {
    const { page } = await bench().openSignedIn('/');
    await page.getByRole('button', { name: 'Add OpenAI key' }).waitFor();
    const scripts = await page.evaluate(() =>
      (performance.getEntriesByType('resource') as PerformanceResourceTiming[])
        .filter(({ name }) => name.endsWith('.js'))
        .map(({ transferSize, encodedBodySize }) => ({ transferSize, encodedBodySize })),
    );
    const bytes = scripts.reduce((sum, { transferSize }) => sum + transferSize, 0);
    process.stdout.write(`${scripts.length} scripts, ${bytes} bytes as sent\n`);
    expect(scripts.length).toBeGreaterThan(0);
    expect(scripts.every(({ encodedBodySize }) => encodedBodySize > 0)).toBe(true);
    expect(bytes).toBeLessThanOrEqual(FIRST_SCRIPTS_BYTES_MAX);
  });

  it('does not wait for what other pages need', async () => {
    const { page, urls } = await bench().openSignedIn('/');
    await page.getByRole('button', { name: 'Add OpenAI key' }).waitFor();
    expect(urls.filter((url) => /usage-|executions-page|settings-page/.test(url))).toEqual([]);
    await page.getByRole('link', { name: 'Usage' }).click();
    await page.getByText('Nothing ran in these days').waitFor();
    expect(urls.some((url) => /usage-page-.*\.js$/.test(url))).toBe(true);
    expect(urls.filter((url) => /usage-charts-/.test(url))).toEqual([]);
  });
});
