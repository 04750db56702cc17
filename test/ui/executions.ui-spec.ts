import { useUiBench } from './support/ui-suite';

const ROWS = 50_000;
/** They come a hundred at a time. */
const SCROLL_LIMIT_MS = 600_000;

/** Completed executions of the last minutes, one every 10 ms, in the order of their ids. */
const INSERT = `
  INSERT INTO agent_executions (id, workspace_id, agent_id, provider, model, status, created_at, started_at, completed_at, deadline_at,
                                latency_ms, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_source)
  SELECT (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '7000' || '8' || substr(md5(number::text), 1, 15))::uuid,
         $1, 'agent-' || number, 'echo', 'tool', 'completed', moment, moment, moment, moment, 5, 1, 1, 0, 0, 0, 'provider'
  FROM (SELECT number, now() - (${ROWS} - number) * interval '10 milliseconds' AS moment
        FROM generate_series(1, ${ROWS}) AS number) AS made`;

interface Detail {
  readonly agentId: string;
  readonly request: object | null;
  readonly output: object | null;
}

describe('the executions page', () => {
  const bench = useUiBench();

  const run = async (body: object = {}) =>
    bench().call<{ id: string }>('POST', 'executions', {
      agentId: 'test',
      provider: 'echo',
      model: 'echo',
      messages: [{ role: 'user', content: 'Hello' }],
      ...body,
    });

  it('shows what starts while one looks, and what becomes of it', async () => {
    const { page } = await bench().openSignedIn(bench().path('executions'));
    await page.getByText('Nothing ran yet').waitFor();
    const slow = run({ agentId: 'slow-one', model: 'slow' });
    const row = page.getByRole('row', { name: /slow-one/ });
    await row.getByText('Running').waitFor();
    await slow;
    await row.getByText('Completed').waitFor();
  });

  it('tells of every attempt, its wait, and why it failed', async () => {
    const failed = await bench().call<{ executionId: string }>('POST', 'executions', {
      agentId: 'unlucky',
      provider: 'echo',
      model: 'error-500',
      messages: [{ role: 'user', content: 'Hello' }],
    });
    const { page } = await bench().openSignedIn(bench().path(`executions/${failed.executionId}`));
    const drawer = page.getByRole('dialog');
    await drawer.getByText('Attempt 3 failed').waitFor();
    expect(await drawer.getByText(/^Waited /).count()).toBe(2);
    await drawer.getByText('Failed: server_error').waitFor();
    await drawer.getByRole('region', { name: 'Receipt' }).getByText('Nothing was paid.').waitFor();
  });

  it('speaks to people about a limit of the provider', async () => {
    const limited = await bench().call<{ executionId: string }>('POST', 'executions', {
      agentId: 'limited',
      provider: 'echo',
      model: 'error-429',
      messages: [{ role: 'user', content: 'Hello' }],
    });
    const { page } = await bench().openSignedIn(bench().path(`executions/${limited.executionId}`));
    const facts = page.getByRole('dialog').getByRole('region', { name: 'Facts' });
    await facts.getByText('Try again in a moment.').waitFor();
    expect(await facts.innerText()).not.toContain('Retry-After');
  });

  it('gives one advice about an answer that broke off, and says that it was paid', async () => {
    await bench().saveKey();
    bench().upstream.script([{ fault: 'half-json-close' }, { fault: 'half-json-close' }]);
    const failed = await bench().call<{ executionId: string; code: string }>('POST', 'executions', {
      agentId: 'cut-off',
      provider: 'openai',
      model: 'gpt-5',
      messages: [{ role: 'user', content: 'Hello' }],
    });
    expect(failed.code).toBe('response_truncated');
    const { page } = await bench().openSignedIn(bench().path(`executions/${failed.executionId}`));
    const drawer = page.getByRole('dialog');
    const advice = await drawer.getByRole('alert').innerText();
    expect(advice).toContain('Repeat');
    expect(advice).not.toMatch(/cannot succeed|may succeed/);
    const receipt = await drawer.getByRole('region', { name: 'Receipt' }).innerText();
    expect(receipt).toMatch(/Paid(?: in part)?: /);
    expect(bench().upstream.paidCalls).toHaveLength(2);
  });

  it('takes filters from the address and puts them there', async () => {
    await run({ agentId: 'narrow-me' });
    await run({ agentId: 'not-me' });
    const { page } = await bench().openSignedIn(bench().path('executions?agentId=narrow-me'));
    await page.getByRole('row', { name: /narrow-me/ }).waitFor();
    expect(await page.getByRole('row', { name: /not-me/ }).count()).toBe(0);
    await page.getByLabel('Agent').fill('not-me');
    await page.getByRole('row', { name: /not-me/ }).waitFor();
    await page.waitForURL(/agentId=not-me/);
    await page
      .getByRole('row', { name: /not-me/ })
      .getByRole('link')
      .click();
    await page.getByRole('dialog').getByText('not-me').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(page.url()).toMatch(/executions\?agentId=not-me$/);
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByRole('row', { name: /narrow-me/ }).waitFor();
  });

  it('lets a row go that does not fit the status any more', async () => {
    const slow = run({ agentId: 'leaves', model: 'slow' });
    const { page } = await bench().openSignedIn(bench().path('executions?status=running'));
    const row = page.getByRole('row', { name: /leaves/ });
    await row.waitFor();
    await slow;
    await row.waitFor({ state: 'detached' });
    await page.getByText('No execution fits these filters.').waitFor();
  });

  it('names the filter of the address that is none, in words', async () => {
    const watched = await bench().openSignedIn(bench().path('executions?status=lost&from=x'));
    watched.expect(/status of 400/);
    const alert = watched.page.getByRole('alert').first();
    await alert.getByText(/^status must be one of/).waitFor();
    await alert.getByText(/^from: must be a date/).waitFor();
    expect(await alert.innerText()).not.toContain('`errors`');
  });

  it.each([1_280, 1_440])(
    'shows what little a call cost, and every column, at %i px',
    async (width) => {
      await run({ agentId: 'cheap' });
      await bench().query(
        "UPDATE agent_executions SET cost_nano_usd = 1234 WHERE agent_id = 'cheap'",
      );
      // A page scrollbar takes its part.
      const viewport = { width: width - 15, height: 800 };
      const { page } = await bench().openSignedIn(bench().path('executions'), { viewport });
      const cost = page.getByTitle('$0.000001234').first();
      await cost.waitFor();
      expect(await cost.innerText()).toBe('$0.0000012');
      expect(await cost.evaluate(isCut)).toBe(false);
      expect(await page.getByRole('region', { name: 'Executions' }).evaluate(isCut)).toBe(false);
    },
  );

  it('narrows to a time that ends now, or to one between two moments', async () => {
    await run({ agentId: 'just-now' });
    const { page } = await bench().openSignedIn(bench().path('executions?agentId=just-now'));
    const row = page.getByRole('row', { name: /just-now/ });
    await row.waitFor();
    const choose = async (name: string) => {
      await page.getByRole('combobox', { name: 'Time' }).click();
      await page.getByRole('option', { name }).click();
    };
    await choose('Last hour');
    await page.waitForURL(/from=\d{4}-\d{2}-\d{2}T/);
    await row.waitFor();
    await choose('From … until …');
    await page.getByLabel('Until').fill('2020-01-01T00:00');
    await page.getByLabel('From').fill('2019-01-01T00:00');
    await page.getByText('No execution fits these filters.').waitFor();
    await page.reload();
    expect(await page.getByLabel('From').inputValue()).toBe('2019-01-01T00:00');
    await choose('Any time');
    await page.waitForURL((url) => !url.search.includes('from=') && !url.search.includes('to='));
    await row.waitFor();
  });

  it('says of stored content that it does not open, and shows the rest', async () => {
    const { id } = await run({ agentId: 'damaged' });
    for (const table of ['execution_requests', 'execution_outputs'])
      await bench().query(
        `UPDATE ${table} SET sealed = set_byte(sealed, 40, 255 - get_byte(sealed, 40))
          WHERE execution_id = $1`,
        [id],
      );
    const { page } = await bench().openSignedIn(bench().path(`executions/${id}`));
    const drawer = page.getByRole('dialog');
    await drawer.getByText('The stored request does not open').waitFor();
    await drawer.getByText('The stored answer does not open').waitFor();
    await drawer.getByText('Attempt 1 succeeded').waitFor();
  });

  it('shows what was asked, and runs it again, whoever sent it', async () => {
    const { id } = await run({ agentId: 'again', system: 'Be brief.', temperature: 0.5 });
    const { page } = await bench().openSignedIn(bench().path(`executions/${id}`));
    const drawer = page.getByRole('dialog');
    await drawer
      .getByRole('region', { name: 'messages of the request' })
      .getByText('Hello')
      .waitFor();
    await drawer.getByRole('region', { name: 'system of the request' }).waitFor();
    await drawer.getByRole('button', { name: 'Run again' }).click();
    await page.getByText('It runs again.').waitFor();
    await page.waitForURL((url) => !url.pathname.endsWith(id));
    await drawer.getByText('Completed').waitFor();
    const again = page.url().split('/').at(-1)!;
    const first = await bench().call<Detail>('GET', `executions/${id}`);
    const second = await bench().call<Detail>('GET', `executions/${again}`);
    expect(second.request).toEqual(first.request);
    expect([second.agentId, second.output]).toEqual(['again', first.output]);
  });

  it('cancels what runs', async () => {
    await bench().saveKey();
    bench().upstream.script([{ fault: 'never-answer' }]);
    const slow = run({ agentId: 'to-cancel', provider: 'openai', model: 'gpt-5' });
    const { page } = await bench().openSignedIn(bench().path('executions'));
    const row = page.getByRole('row', { name: /to-cancel/ });
    await row.getByRole('link').click();
    const drawer = page.getByRole('dialog');
    await drawer.getByText('Attempt 1 is running').waitFor();
    expect(await drawer.getByText(/maybe billed|no outcome/).count()).toBe(0);
    const receipt = drawer.getByRole('region', { name: 'Receipt' });
    await receipt.getByText(/^It has not ended yet/).waitFor();
    await drawer.getByRole('button', { name: 'Cancel' }).click();
    await receipt.getByText(/^It may have been billed/).waitFor();
    await drawer.getByRole('alert').getByText('Cancelled', { exact: true }).waitFor();
    await drawer.getByRole('button', { name: 'Cancel' }).waitFor({ state: 'detached' });
    await page.keyboard.press('Escape');
    await row.getByText('Cancelled').waitFor();
    await row.locator('a:focus').waitFor();
    const { data } = await bench().call<{ data: Detail[] }>('GET', 'executions?agentId=to-cancel');
    expect(data[0]).toMatchObject({ status: 'cancelled', error: { code: 'cancelled' } });
    await slow;
  });

  it('follows the feed while it is looked at, and catches up afterwards', async () => {
    const watched = await bench().openSignedIn(bench().path('executions?agentId=followed'));
    const { page, urls } = watched;
    const lists = () => urls.filter((url) => /\/executions\?/.test(url) && url.includes('/api/'));
    await page.getByText('No execution fits these filters.').waitFor();
    await run({ agentId: 'followed' });
    await page.getByRole('row', { name: /followed/ }).waitFor();
    const asked = lists().length;
    await run({ agentId: 'followed' });
    await page.getByText('2 loaded').waitFor();
    expect(lists()).toHaveLength(asked);

    await watched.setVisibility('hidden');
    await run({ agentId: 'followed' });
    await watched.setVisibility('visible');
    await page.getByText('3 loaded').waitFor();
    expect(urls.filter((url) => url.includes('/executions/feed?'))).toHaveLength(2);
  });

  it(
    'shows 50,000 executions with a page of rows in the document',
    async () => {
      await bench().query(INSERT, [bench().workspaceId]);
      const { page } = await bench().openSignedIn(bench().path('executions?model=tool'));
      const frame = page.getByRole('region', { name: 'Executions' });
      await page
        .getByRole('row', { name: /agent-/ })
        .first()
        .waitFor();
      const { rows, longestMs } = await frame.evaluate(scrollThrough, ROWS);
      process.stdout.write(`scrolled through ${ROWS} rows; longest frame ${longestMs} ms\n`);
      expect(rows).toBeLessThan(80);
      await frame.getByText('agent-1', { exact: true }).waitFor();
      await frame.evaluate((element) => {
        element.scrollTo(0, 0);
      });
      await run({ agentId: 'newest', model: 'tool' });
      await page.getByRole('row', { name: /newest/ }).waitFor();
    },
    SCROLL_LIMIT_MS,
  );
});

/** In the page: whether it is narrower than what is in it. */
function isCut({ scrollWidth, clientWidth }: Element): boolean {
  return scrollWidth > clientWidth;
}

/**
 * In the page: scrolls to the end at every frame, until so many rows are loaded.
 * @returns the most rows that were in the document, and the longest time between two frames.
 */
async function scrollThrough(frame: Element, until: number) {
  const most = { rows: 0, longestMs: 0 };
  let last = performance.now();
  const loaded = () => {
    const [, count = '0'] = /([\d,]+) loaded/.exec(document.body.innerText) ?? [];
    return Number(count.replaceAll(',', ''));
  };
  const isAtEnd = () => frame.scrollTop + frame.clientHeight >= frame.scrollHeight - 1;
  // The last rows make the list longer once more.
  for (let step = 0; step % 20 !== 0 || loaded() < until || !isAtEnd(); step += 1) {
    frame.scrollTo(0, frame.scrollHeight);
    const now = await new Promise<number>((resolve) => requestAnimationFrame(resolve));
    most.longestMs = Math.max(most.longestMs, Math.round(now - last));
    most.rows = Math.max(most.rows, frame.querySelectorAll('tr').length);
    last = now;
  }
  return most;
}
