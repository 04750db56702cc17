import { useUiBench } from './support/ui-suite';

describe('the web UI offers what the role in the workspace allows:', () => {
  const bench = useUiBench();

  it('to a viewer nothing that changes anything', async () => {
    await bench().saveKey({ label: 'Production' });
    await bench().call('POST', 'executions', {
      agentId: 'of-an-owner',
      provider: 'echo',
      model: 'echo',
      messages: [{ role: 'user', content: 'Hello' }],
    });
    const token = await bench().createToken({ role: 'viewer' });
    const { page } = await bench().openSignedIn(bench().path('keys'), {}, token);
    await page.getByRole('row', { name: /Production/ }).waitFor();
    await page.getByRole('note').getByText('may not add or change keys').waitFor();
    expect(await page.getByRole('button', { name: /^(Add|Test|More for)/ }).count()).toBe(0);

    await page.getByRole('link', { name: 'Executions' }).click();
    await page
      .getByRole('row', { name: /of-an-owner/ })
      .getByRole('link')
      .click();
    await page.getByRole('dialog').getByRole('button', { name: 'Copy as curl' }).waitFor();
    expect(await page.getByRole('button', { name: 'Run again' }).count()).toBe(0);
    await page.keyboard.press('Escape');

    await page.getByRole('link', { name: 'Settings' }).click();
    await page.getByRole('note').getByText('Its role here is viewer.').waitFor();
    expect(await page.getByRole('tab').allInnerTexts()).toEqual(['Workspace']);
    expect(await page.getByRole('button', { name: 'Delete…' }).count()).toBe(0);
    await page.goto(bench().path('settings/audit'));
    await page.getByText('may not see “Audit trail”').waitFor();
    await page.getByRole('button', { name: 'default' }).click();
    await page.getByRole('menuitem', { name: /default/ }).waitFor();
    expect(await page.getByRole('menuitem', { name: 'New workspace…' }).count()).toBe(0);
  });

  it('to an admin more in the workspace that is their own', async () => {
    const token = await bench().createToken({ role: 'admin' });
    const own = await bench().createWorkspace('Made by the admin', token);
    const { page } = await bench().openSignedIn(bench().path('settings/workspace'), {}, token);
    await page.getByRole('tab', { name: 'Audit trail' }).waitFor();
    expect(await page.getByRole('tab', { name: 'Encryption' }).count()).toBe(0);
    expect(await page.getByRole('button', { name: 'Delete…' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Session' }).click();
    await page.getByText('admin of default').waitFor();
    await page.keyboard.press('Escape');

    await page.getByRole('button', { name: 'default' }).click();
    await page.getByRole('menuitem', { name: 'Made by the admin' }).click();
    await page.waitForURL(new RegExp(own));
    await page.getByRole('link', { name: 'Settings' }).click();
    await page.getByRole('tab', { name: 'Encryption' }).waitFor();
    await page.getByRole('button', { name: 'Delete…' }).waitFor();
    await page.getByRole('button', { name: 'Session' }).click();
    await page.getByText('owner of Made by the admin').waitFor();
  });

  it('to a narrowed token no more than its scopes, in every workspace', async () => {
    const scopes = ['session:use', 'workspaces:list', 'workspace:read', 'api-keys:read'];
    const read = ['providers:read', 'usage:read', 'executions:read'];
    const makes = ['workspaces:create', 'executions:run'];
    const token = await bench().createToken({
      role: 'owner',
      scopes: [...scopes, ...read, ...makes],
    });
    const own = await bench().createWorkspace('Narrow', token);
    const { page } = await bench().openSignedIn(`/workspaces/${own}/keys`, {}, token);
    await page.getByRole('note').getByText('Its role here is owner.').waitFor();
    expect(await page.getByRole('button', { name: /^Add/ }).count()).toBe(0);
    await page.getByRole('link', { name: 'Playground' }).click();
    await page.getByRole('button', { name: 'Run', exact: true }).waitFor();
    expect(await page.getByRole('button', { name: 'Run', exact: true }).isEnabled()).toBe(true);

    const viewer = await bench().createToken({ role: 'viewer' });
    const other = await bench().openSignedIn(bench().path('playground'), {}, viewer);
    await other.page.getByText('Your token may not run executions').waitFor();
    expect(await other.page.getByRole('button', { name: 'Run', exact: true }).isDisabled()).toBe(
      true,
    );
  });

  it('to nobody a workspace that is deleted under the open page', async () => {
    const doomed = await bench().createWorkspace('Doomed');
    const watched = await bench().openSignedIn(`/workspaces/${doomed}/executions`);
    watched.expect(/status of 404/);
    const { page } = watched;
    await page.getByText('Nothing ran yet').waitFor();
    await bench().call('DELETE', `../${doomed}`);
    await watched.setVisibility('hidden');
    await watched.setVisibility('visible');
    await page.getByRole('heading', { name: 'No such workspace' }).waitFor();
  });

  it('to nobody a workspace that is not theirs, and a way back', async () => {
    const foreign = await bench().createWorkspace('Foreign');
    const token = await bench().createToken({ role: 'admin' });
    const watched = await bench().openSignedIn(`/workspaces/${foreign}/keys`, {}, token);
    watched.expect(/status of 404/);
    const { page } = watched;
    await page.getByRole('heading', { name: 'No such workspace' }).waitFor();
    await page.getByRole('link', { name: 'To your own workspace' }).click();
    await page.getByRole('heading', { name: 'Keys', exact: true }).waitFor();
    expect(page.url()).toContain(bench().workspaceId);
  });
});
