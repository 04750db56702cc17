import type { Page } from 'playwright-core';
import { GOOD_KEY } from './support/ui-bench';
import { useUiBench } from './support/ui-suite';
import type { WatchedPage } from './support/watched-page';

const OVER = 'Your session is over.';

describe('a session that ends by itself', () => {
  const bench = useUiBench();

  const openKeys = async (): Promise<WatchedPage> => {
    const watched = await bench().openSignedIn(bench().path('keys'));
    watched.expect(/status of 401/);
    await watched.page.getByRole('button', { name: 'Add OpenAI key' }).waitFor();
    return watched;
  };

  /** The same with a clock that the test moves. */
  const openWithClock = async (path: string, text: string): Promise<WatchedPage> => {
    const watched = await openKeys();
    await watched.page.clock.install();
    await watched.page.goto(bench().path(path));
    await watched.page.getByText(text).first().waitFor();
    return watched;
  };

  const endSessions = async () => bench().query('DELETE FROM sessions');

  const signIn = async (page: Page, token = bench().token) => {
    await page.getByRole('textbox', { name: 'Access token' }).fill(token);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };

  const fillDialog = async (page: Page) => {
    await page.getByRole('button', { name: 'Add OpenAI key' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Label').fill('Typed before');
    await dialog.getByLabel('API key').fill(GOOD_KEY);
    return dialog;
  };

  it('loses nothing that was typed, but secrets, for the person who comes back', async () => {
    const watched = await openKeys();
    const { page } = watched;
    const dialog = await fillDialog(page);
    await endSessions();
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.getByText(OVER).waitFor();
    expect(await dialog.isVisible()).toBe(false);
    expect(await watched.traces()).not.toContain(GOOD_KEY);
    expect(await page.title()).toBe('Sign in – Keyrun');
    await signIn(page);
    await dialog.waitFor();
    expect(await dialog.getByLabel('Label').inputValue()).toBe('Typed before');
    expect(await dialog.getByLabel('API key').inputValue()).toBe('');
    expect(await page.title()).toBe('Keys – Keyrun');
    await dialog.getByLabel('API key').fill(GOOD_KEY);
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByText('is saved and encrypted').waitFor();
  });

  it('leaves nothing of it to another person', async () => {
    const { page } = await openKeys();
    const dialog = await fillDialog(page);
    await endSessions();
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.getByText(OVER).waitFor();
    await signIn(page, await bench().createToken({ role: 'viewer' }));
    await page.getByRole('note').getByText('Its role here is viewer.').waitFor();
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Session' }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in to Keyrun' }).waitFor();
    expect(await page.getByText('Saved keys').count()).toBe(0);
  });

  it('is noticed within half a minute on a page that nobody touches', async () => {
    const { page } = await openWithClock('settings/workspace', 'Delete the workspace');
    await endSessions();
    await page.clock.runFor(30_000);
    await page.getByText(OVER).waitFor();
    expect(page.url()).toMatch(/\/settings\/workspace$/);
  });

  it('is not kept alive for a page that nobody is at, and noticed when they come back', async () => {
    const { page, urls } = await openWithClock('keys', 'Add OpenAI key');
    const asked = () => urls.filter((url) => url.includes('/api/')).length;
    const question = page.waitForRequest(/\/api-keys/);
    await page.clock.runFor(30_000);
    await question;
    await page.clock.runFor(11 * 60_000);
    const before = asked();
    await page.clock.runFor(30 * 60_000);
    expect(asked()).toBe(before);
    await endSessions();
    await page.mouse.move(200, 200);
    await page.getByText(OVER).waitFor();
  });

  it('is noticed by the end of the feed, and nothing is asked in vain until somebody is back', async () => {
    const watched = await bench().openSignedIn(bench().path('executions'));
    watched.expect(/status of 401|ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE|status of 503/);
    const { page, urls } = watched;
    await page.getByText('Nothing ran yet').waitFor();
    await endSessions();
    await bench().restart(async () => {
      await page.getByText('Keyrun does not answer').first().waitFor();
    });
    await page.getByText(OVER).waitFor();
    await page.clock.install();
    const before = urls.length;
    await page.clock.runFor(60_000);
    expect(urls.slice(before)).toEqual([]);
    await signIn(page);
    await page.getByText('Nothing ran yet').waitFor();
    await bench().call('POST', 'executions', {
      agentId: 'after-all',
      provider: 'echo',
      model: 'echo',
      messages: [{ role: 'user', content: 'Hello' }],
    });
    await page.getByRole('row', { name: /after-all/ }).waitFor();
  });

  it('is over in every tab, each with what was typed in it', async () => {
    const { page } = await openKeys();
    const second = await page.context().newPage();
    await second.goto(bench().path('keys'));
    await second.getByRole('button', { name: 'Add OpenAI key' }).waitFor();
    const dialog = await fillDialog(second);
    await endSessions();
    await page.getByRole('link', { name: 'Usage' }).click();
    await page.getByText(OVER).waitFor();
    await second.getByText(OVER).waitFor();
    await signIn(page);
    await page.getByRole('heading', { name: 'Usage', exact: true }).waitFor();
    await dialog.waitFor();
    expect(await dialog.getByLabel('Label').inputValue()).toBe('Typed before');
  });
});
