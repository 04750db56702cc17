import type { Page } from 'playwright-core';
import { useUiBench } from './support/ui-suite';

const BAD_KEY = 'sk-proj-bad-00000000000000009999';

/** A dialog: the page it opens on, what opens it, and the keys pressed in a menu to get to it. */
const DIALOGS = [
  ['keys', 'Add OpenAI key', null],
  ['keys', 'More for Second', 'Label and priority…'],
  ['keys', 'More for Second', 'Replace the secret…'],
  ['keys', 'More for Second', 'Delete…'],
  ['keys', 'Test Second', null],
  ['keys', 'default', 'New workspace…'],
  ['settings/workspace', 'Delete…', null],
  ['settings/tokens', 'New token', null],
  ['settings/tokens', 'Rotate Second', null],
  ['settings/tokens', 'Revoke Second', null],
  ['settings/webhooks', 'New webhook', null],
  ['settings/webhooks', 'New secret', null],
  ['settings/webhooks', 'Delete…', null],
  ['settings/encryption', 'Replace the data key…', null],
] as const;

describe('whoever works by keyboard', () => {
  const bench = useUiBench();

  beforeAll(async () => {
    for (const label of ['Third', 'Second', 'First']) {
      await bench().saveKey({ label });
      await bench().createToken({ name: label });
    }
    const events = ['execution.completed'];
    await bench().call('POST', 'webhooks', { url: bench().receiver.url, events });
  });

  const open = async (path: string) => {
    const watched = await bench().openSignedIn(bench().path(path), { reducedMotion: 'reduce' });
    return { page: watched.page, watched, dialog: watched.page.getByRole('dialog') };
  };

  it.each(DIALOGS)('is back on %s at %j after Escape (%s)', async (path, opener, item) => {
    const { page, dialog } = await open(path);
    await press(page, opener, item);
    await dialog.waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await expectFocus(page, opener);
  });

  it('is back after Cancel, and after success', async () => {
    const { page, dialog } = await open('keys');
    await press(page, 'More for Second', 'Label and priority…');
    await dialog.getByRole('button', { name: 'Cancel' }).press('Enter');
    await dialog.waitFor({ state: 'detached' });
    await expectFocus(page, 'More for Second');
    await press(page, 'More for Second', 'Label and priority…');
    await dialog.getByRole('button', { name: 'Save' }).press('Enter');
    await dialog.waitFor({ state: 'detached' });
    await expectFocus(page, 'More for Second');
  });

  it('is back at the first button when one dialog led to another', async () => {
    const { page, dialog } = await open('settings/tokens');
    await press(page, 'New token', null);
    await dialog.getByLabel('What is it for?').fill('Fourth');
    await dialog.getByRole('button', { name: 'Create' }).press('Enter');
    await dialog.getByRole('button', { name: 'I have it' }).press('Enter');
    await dialog.waitFor({ state: 'detached' });
    await expectFocus(page, 'New token');
  });

  it.each([
    ['keys', 'More for Third', 'Delete…', 'More for Second'],
    ['settings/tokens', 'Revoke Third', null, 'Revoke First owner'],
  ] as const)('is at the neighbour of what is deleted on %s', async (path, opener, item, next) => {
    const { page, dialog } = await open(path);
    await press(page, opener, item);
    await dialog.getByLabel('to confirm').fill('Third');
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'detached' });
    await expectFocus(page, next);
  });

  it('is at the content when nothing is left beside what is deleted', async () => {
    const { page, dialog } = await open('settings/webhooks');
    await press(page, 'Delete…', null);
    await dialog.getByLabel('to confirm').fill(bench().receiver.url);
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'detached' });
    await page.getByText('No webhook yet.').waitFor();
    await page.waitForFunction(() => document.activeElement?.id === 'main');
  });

  it('stays where something was set off that takes a while', async () => {
    const { page } = await open('keys');
    await press(page, 'More for Second', 'Disable');
    await page
      .getByRole('row', { name: /Second/ })
      .getByText('Disabled')
      .waitFor();
    await expectFocus(page, 'More for Second');
  });

  it('is back at what is still busy while its dialog closes', async () => {
    const { page, dialog } = await open('keys');
    const test = page.getByRole('button', { name: 'Test First', exact: true });
    await test.waitFor();
    let answer = (): void => undefined;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    await page.route(/\/api-keys(\?|$)/, async (route) => {
      await answered;
      await route.continue();
    });
    await test.press('Enter');
    await dialog.getByText('The key works').waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    expect(await test.isDisabled()).toBe(true);
    answer();
    await expectFocus(page, 'Test First');
  });

  it('is led to the field that is wrong', async () => {
    const { page, dialog, watched } = await open('keys');
    watched.expect(/status of 400 .*api-keys/);
    await press(page, 'Add OpenAI key', null);
    await dialog.getByLabel('API key').fill(`${BAD_KEY} 000`);
    await dialog.getByRole('button', { name: 'Save' }).press('Enter');
    await dialog.getByText('contains a space').first().waitFor();
    await page.waitForFunction(() => document.activeElement?.getAttribute('name') === 'apiKey');
  });
});

/** By keyboard, so that no hand of a mouse puts the focus anywhere. */
async function press(page: Page, opener: string, item: string | null): Promise<void> {
  await page.getByRole('button', { name: opener, exact: true }).press('Enter');
  if (item === null) return;
  const choice = page.getByRole('menuitem', { name: item });
  // The menu takes the focus a moment after it is seen.
  await page.waitForFunction(() => document.activeElement?.closest('[role=menu]') != null);
  await choice.press('Enter');
}

/** Waits: it comes back once what was pressed is there again. */
async function expectFocus(page: Page, name: string): Promise<void> {
  const button = page.getByRole('button', { name, exact: true });
  await button.and(page.locator(':focus')).waitFor();
}
