import type { Route } from 'playwright-core';
import { useUiBench } from './support/ui-suite';

describe('the playground', () => {
  const bench = useUiBench();

  const runsOf = async (agentId: string) => {
    const list = await bench().call<{ data: object[] }>('GET', `executions?agentId=${agentId}`);
    return list.data.length;
  };

  it('runs the echo demo in one click from the first page, and once only', async () => {
    const { page } = await bench().openSignedIn('/');
    const before = await runsOf('playground');
    await page.getByRole('link', { name: 'Run the echo demo' }).click();
    const answer = page.getByRole('region', { name: 'Text of the answer' });
    await answer.getByText('Hello! Say this back to me.').waitFor();
    await page.getByText(/Cost \$0\.0+25 · 11 tokens in, 7 out/).waitFor();
    const byHand = page.getByRole('button', { name: 'Run', exact: true });
    await page.reload();
    await byHand.waitFor();
    await page.goBack();
    await page.getByRole('heading', { name: 'Keys', exact: true }).waitFor();
    await page.goForward();
    await byHand.click();
    await page.getByText('Cost $').waitFor();
    expect(await runsOf('playground')).toBe(before + 2);
  });

  it('takes a draft from the address, and pays for nothing before somebody clicks', async () => {
    const { page } = await bench().openSignedIn(bench().path('playground?agentId=linked&run=1'));
    for (const runs of [1, 2]) {
      await page.getByRole('button', { name: 'Run', exact: true }).click();
      await page.getByText('Cost $').waitFor();
      expect(await runsOf('linked')).toBe(runs);
      await page.reload();
    }
  });

  it('says why a run failed and what was tried', async () => {
    const watched = await bench().openSignedIn(bench().path('playground?model=error-500'));
    watched.expect(/status of 502 .*\/executions/);
    const { page } = watched;
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByRole('alert').getByText('The provider failed', { exact: true }).waitFor();
    await page.getByRole('link', { name: 'What was tried' }).click();
    await page.getByRole('dialog').getByText('Attempt 3 failed').waitFor();
  });

  it('names the field that is wrong', async () => {
    const watched = await bench().openSignedIn(bench().path('playground'));
    watched.expect(/status of 400 .*\/executions/);
    const { page } = watched;
    const section = page.getByRole('button', { name: 'System prompt, key, limit' });
    const run = page.getByRole('button', { name: 'Run', exact: true });
    const field = page.getByLabel('Most output tokens');
    await section.click();
    await field.fill('99999999999');
    for (let count = 0; count < 2; count += 1) {
      await section.click();
      await field.waitFor({ state: 'hidden' });
      await run.click();
      await page.locator(`[id="${(await field.getAttribute('id'))!}-error"]`).waitFor();
    }
    expect(await page.getByRole('alert').count()).toBe(0);
    await section.click();
    await field.waitFor({ state: 'hidden' });
  });

  it('gives a request that a shell can send', async () => {
    const { page } = await bench().openSignedIn(bench().path('playground'));
    await page.getByLabel('Message').fill(`It's "quoted" $HOME \`id\``);
    const curl = await page
      .getByRole('region', { name: 'The request as curl' })
      .filter({ hasText: 'quoted' })
      .innerText();
    const { spawnSync } = await import('node:child_process');
    const { stdout } = spawnSync('sh', ['-c', curl], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, KEYRUN_TOKEN: bench().token },
    });
    expect(JSON.parse(stdout)).toMatchObject({
      status: 'completed',
      output: { content: `It's "quoted" $HOME \`id\`` },
    });
  });

  it('shows the words of an answer as they come, and stops it', async () => {
    const { page } = await bench().openSignedIn(
      bench().path('playground?model=slow&agentId=stopped'),
    );
    const answer = page.getByRole('region', { name: 'Text of the answer' });
    await page
      .getByLabel('Message')
      .fill(Array.from({ length: 20 }, (_, index) => `w${index}`).join(' '));
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await answer.getByText('w0').waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('alert').waitFor();
    expect(await answer.innerText()).not.toContain('w19');
    await page.getByRole('link', { name: 'What was tried' }).click();
    await page
      .getByRole('dialog')
      .getByRole('alert')
      .getByText('Cancelled', { exact: true })
      .waitFor();
    const receipt = page.getByRole('dialog').getByRole('region', { name: 'Receipt' });
    await receipt.getByText(/^Paid in part: \$0\.0\d+/).waitFor();
    const { data } = await bench().call<{ data: { status: string }[] }>(
      'GET',
      'executions?agentId=stopped',
    );
    expect(data.map(({ status }) => status)).toEqual(['cancelled']);
  });

  it('costs what the usage page adds up', async () => {
    const { page } = await bench().openSignedIn(bench().path('playground?agentId=summed'));
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    const text = await page.getByText(/^Cost \$/).innerText();
    const [, cost] = /Cost (\$[\d.]+)/.exec(text)!;
    await page.goto(bench().path('usage?by=agent'));
    const row = page.getByRole('row', { name: /summed/ });
    await row.getByText(cost!, { exact: true }).waitFor();
  });

  it('shows an answer that streams, and how it ends', async () => {
    const { page } = await bench().openSignedIn(bench().path('playground'));
    const execution = await bench().call<{ id: string }>('POST', 'executions', {
      agentId: 'streamed',
      provider: 'echo',
      model: 'echo',
      messages: [{ role: 'user', content: 'ignored' }],
    });
    const stream = (...events: [event: string, data: object][]) =>
      page.route(/\/executions$/, async (route: Route) => {
        const body = events.map(
          ([event, data]) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`,
        );
        await route.fulfill({ contentType: 'text/event-stream', body: body.join('') });
      });
    const run = page.getByRole('button', { name: 'Run', exact: true });
    const delta = (text: string): [string, object] => ['delta', { type: 'text', text }];
    const error = { status: 503, title: 'The provider is overloaded', executionId: execution.id };

    await stream(delta('Half an '), delta('answer'), ['error', error]);
    await run.click();
    await page.getByText('Half an answer').waitFor();
    await page.getByRole('alert').getByText('The provider is overloaded').first().waitFor();
    await page.getByRole('link', { name: 'What was tried' }).waitFor();

    await page.unroute(/\/executions$/);
    await stream(delta('All '), delta('of it'), [
      'done',
      { ...execution, output: { content: 'All of it', toolCalls: [] } },
    ]);
    await run.click();
    await page.getByText('All of it').waitFor();
    await page.getByText('Cost $').waitFor();

    await page.unroute(/\/executions$/);
    await stream(delta('Cut'));
    await run.click();
    await page.getByRole('alert').getByText('The connection broke').waitFor();
  });
});
