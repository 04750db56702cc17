import type { Page } from 'playwright-core';
import { useUiBench } from './support/ui-suite';

/** Every page, and what one waits for on it. */
const PAGES = [
  ['keys', 'Saved keys'],
  ['executions', 'agent-with-a-name-as-long-as-they-get'],
  ['playground?provider=echo', 'The same from a shell'],
  ['usage', 'By provider'],
  ['settings/workspace', 'Let the provider store answers too'],
  ['settings/tokens', 'First owner'],
  ['settings/webhooks', 'Deliver again'],
  ['settings/audit', 'workspace.created'],
  ['settings/encryption', 'Data keys'],
  ['nowhere', 'No such page'],
] as const;

describe('a narrow page', () => {
  const bench = useUiBench();

  beforeAll(async () => {
    await bench().saveKey({ label: 'Customer support, production, Europe' });
    await bench().createToken({ name: 'Deploy', agentId: 'deployer', scopes: ['executions:read'] });
    const events = ['execution.completed'];
    await bench().call('POST', 'webhooks', { url: bench().receiver.url, events });
    await bench().call('POST', 'executions', {
      agentId: 'agent-with-a-name-as-long-as-they-get',
      provider: 'echo',
      model: 'echo',
      messages: [{ role: 'user', content: 'Hello' }],
    });
  });

  const open = async (path: string, width: number) => {
    const viewport = { width, height: 844 };
    const { page } = await bench().openSignedIn(bench().path(path), { viewport });
    return page;
  };

  it.each(PAGES)('never scrolls sideways: %s', async (path, text) => {
    const page = await open(path, 390);
    if (path === 'settings/webhooks')
      await page.getByRole('button', { name: 'Deliveries' }).click();
    for (const width of [390, 320, 760, 1_024]) {
      await page.setViewportSize({ width, height: 844 });
      await page.getByText(text).first().waitFor();
      expect([width, await page.evaluate(whatScrollsSideways)]).toEqual([width, []]);
    }
  });

  it('shows an execution without scrolling sideways', async () => {
    const page = await open('executions', 320);
    await page
      .getByRole('row', { name: /agent-with/ })
      .getByRole('link')
      .click();
    await page.getByRole('dialog').getByText('Attempt 1').waitFor();
    expect(await page.evaluate(whatScrollsSideways)).toEqual([]);
  });

  it('has the names of the columns beside what is in them, and is still a table', async () => {
    const page = await open('keys', 390);
    const row = page.getByRole('table', { name: 'Keys' }).getByRole('row', { name: /Customer/ });
    await row.getByRole('rowheader', { name: /Customer/ }).waitFor();
    const spent = row.getByRole('cell').nth(3);
    expect(await nameBeside(spent)).toBe('"Spent in 30 days"');
    await page.setViewportSize({ width: 1_280, height: 844 });
    expect(await nameBeside(spent)).toBe('none');
    await row.getByRole('button', { name: /^More for/ }).waitFor();
  });

  it('tells an event of the audit trail in few lines', async () => {
    const page = await open('settings/audit', 390);
    const table = page.getByRole('table', { name: 'Audit events' });
    const row = table.getByRole('row', { name: /workspace\.created/ });
    await row.getByRole('rowheader').waitFor();
    const topOf = async (part: ReturnType<Page['locator']>) => (await part.boundingBox())!.y;
    const [number, who, action] = [0, 1, 2].map((place) => row.getByRole('cell').nth(place));
    expect(await topOf(number!)).toBe(await topOf(row.getByRole('rowheader')));
    expect(await topOf(who!)).toBe(await topOf(action!));
    expect(await nameBeside(number!)).toContain('Number');
    expect(await nameBeside(who!)).toBe('none');
  });
});

/** What the style sheet writes before the cell. */
async function nameBeside(cell: ReturnType<Page['locator']>): Promise<string> {
  return cell.evaluate((element) => getComputedStyle(element, '::before').content.split(' / ')[0]!);
}

/** In the page: the page itself and every part that is wider than it is seen; tabs in one row may be. */
function whatScrollsSideways(): string[] {
  const parts = [document.documentElement, ...Array.from(document.body.querySelectorAll('*'))];
  return parts
    .filter((part) => {
      const isScrolled =
        part === document.documentElement ||
        ['auto', 'scroll'].includes(getComputedStyle(part).overflowX);
      return isScrolled && part.scrollWidth > part.clientWidth && part.role !== 'tablist';
    })
    .map((part) => `${part.tagName} ${part.ariaLabel ?? part.className}: ${part.scrollWidth} px`);
}
