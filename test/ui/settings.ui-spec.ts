import type { ServerResponse } from 'node:http';
import { verify } from '../support/webhook-receiver';
import { useUiBench } from './support/ui-suite';

const ECHO = {
  agentId: 'test',
  provider: 'echo',
  model: 'echo',
  messages: [{ role: 'user', content: 'Hello' }],
};

describe('the settings', () => {
  const bench = useUiBench();

  it('make a token that is shown once, rotate it, and revoke it', async () => {
    const watched = await bench().openSignedIn(bench().path('settings/tokens'));
    const { page } = watched;
    const dialog = page.getByRole('dialog');
    const works = async (token: string) => {
      const headers = { authorization: `Bearer ${token}` };
      const answer = await fetch(`${bench().url}/api/workspaces`, { headers });
      return answer.status !== 401;
    };
    await page.getByRole('button', { name: 'New token' }).click();
    await dialog.getByLabel('What is it for?').fill('Deploy');
    await dialog.getByLabel('Only this agent').fill('deployer');
    await dialog.getByRole('button', { name: 'Create' }).click();
    const first = await page.getByTestId('secret').innerText();
    expect(first).toMatch(/^kr_pat_\w{36}$/);
    await dialog.getByText(`export KEYRUN_TOKEN='${first}'`).waitFor();
    await dialog.getByRole('button', { name: 'I have it' }).click();
    await dialog.waitFor({ state: 'detached' });
    expect(await watched.traces()).not.toContain(first);
    expect(await works(first)).toBe(true);

    await page.getByRole('button', { name: 'Rotate Deploy' }).click();
    await dialog.getByRole('combobox', { name: 'The old secret still works for' }).click();
    await page.getByRole('option', { name: 'Not at all' }).click();
    await dialog.getByRole('button', { name: 'Rotate', exact: true }).click();
    const second = await page.getByTestId('secret').innerText();
    await dialog.getByRole('button', { name: 'I have it' }).click();
    expect([await works(first), await works(second)]).toEqual([false, true]);

    await page.getByRole('button', { name: 'Revoke Deploy' }).click();
    await dialog.getByLabel('to confirm').fill('Deploy');
    await dialog.getByRole('button', { name: 'Revoke', exact: true }).click();
    await page.getByRole('row', { name: /Deploy/ }).waitFor({ state: 'detached' });
    expect(await works(second)).toBe(false);
  });

  it('say why a token cannot be revoked', async () => {
    const watched = await bench().openSignedIn(bench().path('settings/tokens'));
    watched.expect(/status of (409|422)/);
    const { page } = watched;
    await page.getByRole('button', { name: 'Revoke First owner' }).click();
    await page.getByLabel('to confirm').fill('First owner');
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke', exact: true }).click();
    await page.getByRole('dialog').getByRole('alert').waitFor();
  });

  it('make, rename and delete a workspace', async () => {
    const { page } = await bench().openSignedIn('/');
    await page.getByRole('button', { name: 'default' }).click();
    await page.getByRole('menuitem', { name: 'New workspace…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('Research');
    await dialog.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('button', { name: 'Research' }).waitFor();
    await page.getByRole('link', { name: 'Settings' }).click();
    await page.getByLabel('Name').fill('Research 2');
    await page.getByRole('button', { name: 'Rename' }).click();
    await page.getByRole('button', { name: 'Research 2' }).waitFor();
    await page.getByRole('button', { name: 'Delete…' }).click();
    await dialog.getByLabel('to confirm').fill('Research 2');
    await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('heading', { name: 'Keys', exact: true }).waitFor();
    await page.getByRole('button', { name: 'default' }).waitFor();
    expect(page.url()).toContain(bench().workspaceId);
  });

  it('prove the audit trail', async () => {
    const { page } = await bench().openSignedIn(bench().path('settings/audit'));
    await page.getByRole('cell', { name: 'workspace.created' }).waitFor();
    await page.getByRole('button', { name: 'Verify the chain' }).click();
    await page.getByText('The chain is whole').waitFor();
    await page.getByRole('combobox', { name: 'Action' }).click();
    await page.getByRole('option', { name: 'session.started' }).click();
    await page.getByRole('cell', { name: 'workspace.created' }).waitFor({ state: 'detached' });
    await page.getByRole('cell', { name: 'session.started' }).first().waitFor();
  });

  it('replace the data key', async () => {
    await bench().saveKey();
    const { page } = await bench().openSignedIn(bench().path('settings/encryption'));
    await page.getByRole('button', { name: 'Replace the data key…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Replace' }).click();
    await page.getByText('secrets sealed again: 1').waitFor();
  });

  it('keep what a workspace stores, and what becomes of those that nobody waits for', async () => {
    const { page } = await bench().openSignedIn(bench().path('settings/workspace'));
    const card = page.getByRole('region', { name: 'Executions' });
    await card.getByRole('combobox', { name: 'What is stored' }).click();
    await page.getByRole('option', { name: 'Only figures, no text' }).click();
    await card.getByRole('combobox', { name: 'When a client hangs up' }).click();
    await page.getByRole('option', { name: 'It is cancelled' }).click();
    await card.getByLabel('Let the provider store answers too').click();
    await card.getByRole('button', { name: 'Save' }).click();
    await page.getByText('It holds for what runs from now on.').waitFor();
    const saved = { storeContent: 'metadata', onDisconnect: 'cancel', storeAtProvider: true };
    expect(await bench().call('GET', '')).toMatchObject(saved);

    const { id } = await bench().call<{ id: string }>('POST', 'executions', ECHO);
    await page.goto(bench().path(`executions/${id}`));
    await page.getByRole('dialog').getByText('This workspace did not store it.').waitFor();

    await page.goto(bench().path('settings/workspace'));
    await card.getByRole('combobox', { name: 'What is stored' }).click();
    await page.getByRole('option', { name: 'As the server is set' }).click();
    await card.getByRole('button', { name: 'Save' }).click();
    await page.getByText('It holds for what runs from now on.').waitFor();
    expect(await bench().call('GET', '')).toMatchObject({ ...saved, storeContent: null });
  });

  it('make a webhook, show its deliveries, and deliver again', async () => {
    const { receiver } = bench();
    const { page } = await bench().openSignedIn(bench().path('settings/webhooks'));
    const dialog = page.getByRole('dialog');
    await page.getByRole('button', { name: 'New webhook' }).click();
    await dialog.getByLabel('URL').fill(receiver.url);
    await dialog.getByRole('button', { name: 'Create' }).click();
    const secret = await page.getByTestId('secret').innerText();
    await page.getByText(/^Copy it now\. It is stored encrypted/).waitFor();
    await dialog.getByRole('button', { name: 'I have it' }).click();
    const card = page.getByRole('region', { name: `Webhook ${receiver.url}` });
    await card.getByRole('button', { name: 'Test' }).click();
    await card.getByText('It arrived').waitFor();

    const { id } = await bench().call<{ id: string }>('POST', 'executions', ECHO);
    await card.getByRole('button', { name: 'Deliveries' }).click();
    const row = card.getByRole('row', { name: /execution\.completed/ });
    await row.getByText('delivered').waitFor();
    await row.getByText(/1: accepted \(200\)/).waitFor();
    await row.getByRole('button', { name: 'Deliver again' }).click();
    await row.getByText(/2: accepted \(200\)/).waitFor();
    expect(receiver.events.map(({ body }) => body.data.id).slice(1)).toEqual([id, id]);
    for (const event of receiver.events) expect(() => verify(secret, event)).not.toThrow();

    // An attempt that nobody answers yet: the delivery waits, and its time has come.
    const held: ServerResponse[] = [];
    receiver.answer((response) => held.push(response));
    const before = receiver.events.length;
    await row.getByRole('button', { name: 'Deliver again' }).click();
    await receiver.untilRequests(before + 1);
    await row.getByText('pending').waitFor();
    await row.getByText('due now', { exact: true }).waitFor();
    for (const response of held) response.writeHead(503).end();
    await row.getByText(/3: .*\(503\)/).waitFor();
    await row.getByText(/4: accepted \(200\)/).waitFor();
    expect(await row.getByText(/due now|next/).count()).toBe(0);

    await card.getByRole('button', { name: 'New secret' }).click();
    await dialog.getByRole('button', { name: 'I have it' }).click();
    await card.getByText(/Secrets before the newest one sign too until/).waitFor();
    await card.getByRole('button', { name: 'Disable' }).click();
    await card.getByText('Disabled').waitFor();
    await card.getByRole('button', { name: 'Delete…' }).click();
    await dialog.getByLabel('to confirm').fill(receiver.url);
    await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
    await card.waitFor({ state: 'detached' });
  });
});
