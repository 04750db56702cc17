import { useUiBench } from './support/ui-suite';

const REQUEST = '01890000-0000-7000-8000-000000000000';
const PROBLEM = {
  status: 500,
  code: 'internal_error',
  title: 'Something went wrong here',
  detail: 'Report it with the id of the request.',
  requestId: REQUEST,
};

/** Every page that reads something, what it reads, and what is there once it can. */
const PAGES = [
  ['keys', /\/(api-keys|providers)$/, 'Start here'],
  ['executions', /\/executions$/, 'Nothing ran yet.'],
  ['usage', /\/usage$/, 'Nothing ran in these days.'],
  ['settings/tokens', /\/tokens$/, 'First owner'],
  ['settings/webhooks', /\/webhooks$/, 'No webhook yet.'],
  ['settings/audit', /\/audit-events$/, 'workspace.created'],
  ['settings/encryption', /\/data-key$/, 'Replace the data key…'],
] as const;

describe('a page that could not read what it shows', () => {
  const bench = useUiBench();

  it.each(PAGES)('says so, and tries again when asked to: %s', async (path, read, text) => {
    const watched = await bench().openSignedIn('/', { reducedMotion: 'reduce' });
    watched.expect(/status of 500/);
    const { page } = watched;
    await page.getByText('Start here').waitFor();
    const isRead = (url: URL) => url.pathname.startsWith('/api/') && read.test(url.pathname);
    await page.route(isRead, async (route) => {
      const body = JSON.stringify(PROBLEM);
      await route.fulfill({ status: 500, contentType: 'application/problem+json', body });
    });
    await page.goto(bench().path(path));
    const alert = page.getByRole('alert');
    await alert.getByText(`Request ${REQUEST}`).waitFor();
    // Nothing that looks as if it were still to come, and no empty list.
    await page
      .locator('.mantine-Loader-root, .mantine-Skeleton-root')
      .waitFor({ state: 'detached' });
    expect(await page.locator('table:not(:has(tbody tr))').count()).toBe(0);
    const again = alert.getByRole('button', { name: 'Try again' });
    await again.press('Enter');
    await page.waitForFunction(() => document.activeElement !== document.body);
    await again.waitFor();
    await page.unroute(isRead);
    await again.press('Enter');
    await page.getByText(text).first().waitFor();
    await alert.waitFor({ state: 'detached' });
    await page.waitForFunction(() => document.activeElement?.id === 'main');
  });

  it('says when a filter of the audit trail leaves nothing', async () => {
    const { page } = await bench().openSignedIn(bench().path('settings/audit'));
    await page.getByRole('combobox', { name: 'Action' }).click();
    await page.getByRole('option', { name: 'token.leaked' }).click();
    await page.getByText('No event of this kind was recorded.').waitFor();
  });
});
