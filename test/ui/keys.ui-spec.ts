import type { Page } from 'playwright-core';
import { GOOD_KEY } from './support/ui-bench';
import { useUiBench } from './support/ui-suite';

const BAD_KEY = 'sk-proj-bad-00000000000000009999';

describe('the keys page', () => {
  const bench = useUiBench();

  it('adds, tests, disables, renames, replaces and deletes a key, by mouse', async () => {
    const { page } = await bench().openSignedIn('/');
    await page.getByRole('button', { name: 'Add OpenAI key' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('API key').fill(GOOD_KEY);
    await dialog.getByText('Looks like an OpenAI key').waitFor();
    await dialog.getByLabel('Label').fill('Production');
    await dialog.getByText('An address of your own').click();
    await dialog.getByRole('textbox', { name: 'Base URL' }).fill(bench().upstream.openAiBaseUrl);
    await dialog.getByRole('button', { name: 'Test', exact: true }).click();
    await dialog.getByText('The key works').waitFor();
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByText('all that can be seen of it is …Wx7z').waitFor();
    await dialog.getByText('The key works').waitFor();
    await dialog.getByRole('button', { name: 'Done' }).click();

    const row = page.getByRole('row', { name: /Production/ });
    await row.getByText('Active').waitFor();
    const choose = async (item: string) => {
      await row.getByRole('button', { name: 'More for' }).click();
      await page.getByRole('menuitem', { name: item }).click();
    };
    await choose('Disable');
    await row.getByText('Disabled').waitFor();
    await choose('Enable');
    await row.getByText('Active').waitFor();
    await choose('Label and priority…');
    await dialog.getByLabel('Label').fill('Production 2');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await row.getByText('Production 2').waitFor();
    await choose('Replace the secret…');
    await dialog.getByLabel('API key').fill(BAD_KEY);
    await dialog.getByRole('button', { name: 'Replace' }).click();
    await row.getByText('…9999').waitFor();
    await row.getByRole('button', { name: 'Test' }).click();
    await dialog.getByText('The key does not work').waitFor();
    await dialog.getByRole('button', { name: 'Done' }).click();
    await row.getByText('Invalid').waitFor();

    await choose('Delete…');
    const remove = dialog.getByRole('button', { name: 'Delete' });
    await dialog.getByLabel('to confirm').fill('Production');
    expect(await remove.isDisabled()).toBe(true);
    await dialog.getByLabel('to confirm').fill('Production 2');
    await remove.click();
    await row.waitFor({ state: 'detached' });
    expect(await bench().call('GET', 'api-keys')).toMatchObject({ data: [] });
  });

  it('leads from adding a key to deleting it, with a run and its cost between, by keyboard alone', async () => {
    const { page } = await bench().openSignedIn('/');
    await page.getByRole('heading', { name: 'Keys', exact: true }).waitFor();
    const keyboard = new Keyboard(page);
    await keyboard.press('Add OpenAI key');
    await page.getByLabel('API key').waitFor();
    await keyboard.type('API key', GOOD_KEY);
    await keyboard.type('Label', 'By hand');
    await keyboard.press('An address of your own');
    await page.getByRole('textbox', { name: 'Base URL' }).waitFor();
    await keyboard.type('Base URL', bench().upstream.openAiBaseUrl);
    await keyboard.press('Test');
    await page.getByText('The key works').waitFor();
    await keyboard.press('Save');
    await page.getByText('is saved and encrypted').waitFor();
    await keyboard.press('Done');

    await keyboard.press('Playground');
    await keyboard.press('Provider', 'ArrowDown');
    await page.getByRole('option').first().waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByRole('option').first().waitFor({ state: 'hidden' });
    await keyboard.type('Message', 'Say something.');
    await page.keyboard.press('Control+Enter');
    await page.getByText('Hello from the upstream.').waitFor();
    await page.getByText(/Cost \$0\.0/).waitFor();
    await keyboard.press('Attempts and receipt');
    await page.getByRole('region', { name: 'Receipt' }).getByText('By hand …Wx7z').waitFor();
    await page.keyboard.press('Escape');

    await keyboard.press('Keys');
    await keyboard.press('More for By hand');
    const deletion = page.getByRole('menuitem', { name: 'Delete…' });
    await deletion.waitFor();
    // The menu listens to keys once it has the focus, a moment after it is seen.
    while (!(await deletion.evaluate((item) => item.ownerDocument.activeElement === item))) {
      await page.keyboard.press('ArrowDown');
    }
    await page.keyboard.press('Enter');
    await page.getByLabel('to confirm').waitFor();
    await keyboard.type('Type By hand to confirm', 'By hand', 'Enter');
    await page.getByRole('row', { name: /By hand/ }).waitFor({ state: 'detached' });
    expect(await bench().call('GET', 'api-keys')).toMatchObject({ data: [] });
  });

  it('forgets a test as soon as what was tested changes', async () => {
    const { page } = await bench().openSignedIn('/');
    await page.getByRole('button', { name: 'Add OpenAI key' }).click();
    const dialog = page.getByRole('dialog');
    const secret = dialog.getByLabel('API key');
    const result = dialog.getByText('The key works');
    const pass = async () => {
      await dialog.getByRole('button', { name: 'Test', exact: true }).click();
      await result.waitFor();
    };
    await dialog.getByText('An address of your own').click();
    const address = dialog.getByRole('textbox', { name: 'Base URL' });
    await address.fill(bench().upstream.openAiBaseUrl);
    await secret.fill(GOOD_KEY);
    await pass();
    await dialog.getByLabel('Label').fill('Not proved');
    expect(await result.count()).toBe(1);
    await address.fill('https://example.com/v1');
    await result.waitFor({ state: 'detached' });
    await address.fill(bench().upstream.openAiBaseUrl);
    await pass();
    await dialog.getByRole('combobox', { name: 'Provider' }).click();
    await page.getByRole('option', { name: 'Anthropic' }).click();
    await result.waitFor({ state: 'detached' });
    await dialog.getByRole('button', { name: 'Use OpenAI' }).click();
    await pass();
    await secret.fill(BAD_KEY);
    await result.waitFor({ state: 'detached' });
    await secret.fill(GOOD_KEY);
    await page.route(/api-keys\/test$/, async (route) => {
      const response = await route.fetch();
      await secret.fill(BAD_KEY);
      await route.fulfill({ response });
    });
    const late = page.waitForResponse(/api-keys\/test$/);
    const test = dialog.getByRole('button', { name: 'Test', exact: true });
    await test.click();
    await (await late).finished();
    // It can be pressed again once the answer was dealt with.
    await test.and(page.locator(':enabled')).waitFor();
    expect(await result.count()).toBe(0);
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByRole('button', { name: 'Done' }).click();
    const row = page.getByRole('row', { name: /Not proved/ });
    await row.getByText('Untested').waitFor();
    const { data } = await bench().call<{ data: { id: string }[] }>('GET', 'api-keys');
    await bench().call('DELETE', `api-keys/${data[0]!.id}`);
  });

  it('says what is wrong with a key, and keeps what is right', async () => {
    const watched = await bench().openSignedIn('/');
    watched.expect(/status of 400 .*api-keys/);
    const { page } = watched;
    await page.getByRole('button', { name: 'Add Anthropic key' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('API key').fill('sk-proj-too long 000');
    await dialog.getByText('Looks like an OpenAI key').waitFor();
    await dialog.getByLabel('Label').fill('Kept');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByText('contains a space (position 12)').waitFor();
    expect(await dialog.getByLabel('Label').inputValue()).toBe('Kept');
    await dialog.getByRole('button', { name: 'Use OpenAI' }).click();
    await dialog.getByLabel('API key').fill(BAD_KEY);
    await dialog.getByText('An address of your own').click();
    await dialog.getByRole('textbox', { name: 'Base URL' }).fill('http://169.254.169.254/v1');
    await dialog.getByRole('button', { name: 'Save' }).click();
    const refusal = dialog.getByText('The scheme must be https');
    await refusal.waitFor();
    const field = dialog.getByRole('textbox', { name: 'Base URL' });
    expect(await field.getAttribute('aria-describedby')).toContain(
      await refusal.getAttribute('id'),
    );
    expect(await dialog.getByRole('alert').count()).toBe(0);
    await dialog.getByRole('textbox', { name: 'Base URL' }).fill(bench().upstream.openAiBaseUrl);
    await dialog.getByRole('button', { name: 'Test', exact: true }).click();
    await dialog.getByText('The key does not work').waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    expect(await bench().call('GET', 'api-keys')).toMatchObject({ data: [] });
  });

  it('lets a key out once and keeps nothing of it', async () => {
    const watched = await bench().openSignedIn('/');
    const { page } = watched;
    const sent: string[] = [];
    page.on('request', (request) => {
      if (request.postData()?.includes(GOOD_KEY) === true) sent.push(request.url());
    });
    await page.getByRole('button', { name: 'Add OpenAI key' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('API key').fill(GOOD_KEY);
    expect(await watched.traces()).toContain(GOOD_KEY);
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByText('is saved and encrypted').waitFor();
    expect(await watched.traces()).not.toContain(GOOD_KEY);
    await dialog.getByRole('button', { name: 'Done' }).click();
    await page.getByRole('row', { name: /…Wx7z/ }).waitFor();
    expect(await watched.traces()).not.toContain(GOOD_KEY);
    expect(await heapHas(page, GOOD_KEY)).toBe(false);
    expect(watched.urls.filter((url) => url.includes(GOOD_KEY))).toEqual([]);
    expect(sent).toEqual([expect.stringMatching(/\/api-keys$/)]);
    await page.getByRole('button', { name: 'Add OpenAI key' }).click();
    await dialog.getByLabel('API key').fill(GOOD_KEY);
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page
      .getByRole('button', { name: 'Add OpenAI key' })
      .and(page.locator(':focus'))
      .waitFor();
    expect(await heapHas(page, GOOD_KEY)).toBe(false);
    await page.evaluate((key) => Object.assign(globalThis, { kept: key }), GOOD_KEY);
    expect(await heapHas(page, GOOD_KEY)).toBe(true);
  });
});

/** Moves by Tab only, as somebody without a mouse does. */
class Keyboard {
  constructor(private readonly page: Page) {}

  /** Goes to what has the name, and presses a key. */
  async press(name: string, key = 'Enter'): Promise<void> {
    await this.goTo(name);
    await this.page.keyboard.press(key);
  }

  async type(label: string, text: string, ...keys: string[]): Promise<void> {
    await this.goTo(label);
    await this.page.keyboard.press('Control+A');
    await this.page.keyboard.type(text);
    for (const key of keys) await this.page.keyboard.press(key);
  }

  private async goTo(name: string): Promise<void> {
    for (let step = 0; step < 80; step += 1) {
      if ((await this.focused()).includes(name)) return;
      await this.page.keyboard.press('Tab');
    }
    throw new Error(`Tab does not lead to ${name}`);
  }

  /** What a screen reader would call what has the focus. */
  private async focused(): Promise<string[]> {
    return this.page.evaluate(() => {
      const element = document.activeElement;
      if (element?.matches('a, button, input, textarea') !== true) return [];
      const labels =
        element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement
          ? Array.from(element.labels ?? [], (label) => label.innerText.replace(/\s*\*$/, ''))
          : [];
      const name = element.getAttribute('aria-label') ?? (element as HTMLElement).innerText;
      return [...labels, name.trim()];
    });
  }
}

/** Whether any string in the memory of the page has the text in it. */
async function heapHas(page: Page, text: string): Promise<boolean> {
  const session = await page.context().newCDPSession(page);
  let snapshot = '';
  session.on('HeapProfiler.addHeapSnapshotChunk', ({ chunk }) => (snapshot += chunk));
  await session.send('HeapProfiler.collectGarbage');
  await session.send('HeapProfiler.takeHeapSnapshot', {});
  return snapshot.includes(text);
}
