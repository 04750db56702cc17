import { useUiBench } from './support/ui-suite';

describe('signing in to the web UI', () => {
  const bench = useUiBench();

  it('takes the token of a link out of the address at once, and sends it in a header only', async () => {
    const watched = await bench().openSignedIn('/');
    const { page } = watched;
    await page.getByRole('heading', { name: 'Keys', exact: true }).waitFor();
    expect(page.url()).toBe(`${bench().url}${bench().path('keys')}`);
    expect(await watched.traces()).not.toContain(bench().token);
    expect(watched.urls.filter((url) => url.includes('kr_pat_'))).toEqual([]);
    await page.goBack();
    expect(page.url()).not.toContain('kr_pat_');
  });

  it('leads to the page of the link', async () => {
    const { page } = await bench().openSignedIn(bench().path('settings/audit?x=1'));
    await page.getByRole('heading', { name: 'Settings: Audit trail' }).waitFor();
    expect(page.url()).toMatch(/\/settings\/audit\?x=1$/);
  });

  it('works by pasting a token, says what is wrong with one, and forgets it', async () => {
    const watched = await bench().open('/');
    watched.expect(/status of 401 .*\/api\/session/);
    const { page } = watched;
    const wrong = 'kr_pat_000000000000000000000000000000000000';
    await page.getByRole('textbox', { name: 'Access token' }).fill(wrong);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').getByText('The token is not known here').waitFor();
    expect(await page.getByRole('alert').innerText()).not.toMatch(/Authorization|Bearer/);
    expect(await watched.traces()).not.toContain(wrong);
    await page.getByRole('textbox', { name: 'Access token' }).fill(bench().token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Keys', exact: true }).waitFor();
    expect(await watched.traces()).not.toContain(bench().token);
    await page.reload();
    await page.getByRole('heading', { name: 'Keys', exact: true }).waitFor();
  });

  it('says in words that the token of a link is none', async () => {
    const watched = await bench().open('/#token=kr_pat_000000000000000000000000000000000000');
    watched.expect(/status of 401 .*\/api\/session/);
    await watched.page.getByText('The token is not known here').waitFor();
    expect(await watched.page.innerText('main')).not.toMatch(/Authorization|Bearer/);
  });

  it('comes back to the page when the session has ended', async () => {
    const watched = await bench().openSignedIn(bench().path('executions?status=failed'));
    watched.expect(/status of 401/);
    const { page } = watched;
    await page.getByText('No execution fits these filters.').waitFor();
    await bench().query('DELETE FROM sessions');
    await watched.setVisibility('hidden');
    await watched.setVisibility('visible');
    await page.getByText('Your session is over.').waitFor();
    expect(page.url()).toMatch(/\/executions\?status=failed$/);
    await page.getByRole('textbox', { name: 'Access token' }).fill(bench().token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('No execution fits these filters.').waitFor();
    expect(page.url()).toMatch(/\/executions\?status=failed$/);
  });

  it('signs out in every tab', async () => {
    const watched = await bench().openSignedIn('/');
    watched.expect(/status of 401/);
    const { page } = watched;
    await page.getByRole('heading', { name: 'Keys', exact: true }).waitFor();
    const second = await page.context().newPage();
    await second.goto('/');
    await second.getByRole('heading', { name: 'Keys', exact: true }).waitFor();
    await page.getByRole('button', { name: 'Session' }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in to Keyrun' }).waitFor();
    await second.getByRole('heading', { name: 'Sign in to Keyrun' }).waitFor();
    const answer = await page.request.get('/api/session');
    expect(answer.status()).toBe(401);
  });

  it('shows in one tab what another one does', async () => {
    const { page } = await bench().openSignedIn(bench().path('executions'));
    await page
      .getByRole('button', { name: 'Run the echo demo' })
      .or(page.getByRole('link', { name: 'Run the echo demo' }))
      .waitFor();
    const second = await page.context().newPage();
    await second.goto(bench().path('playground'));
    await second.getByRole('button', { name: 'Run', exact: true }).click();
    await second.getByText('Cost $').waitFor();
    await page.getByRole('row', { name: /playground/ }).waitFor();
  });

  it('goes on after the server was restarted under an open page', async () => {
    const watched = await bench().openSignedIn(bench().path('keys'));
    watched.expect(/ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_SOCKET|status of 503/);
    const { page } = watched;
    await page.getByRole('heading', { name: 'Keys', exact: true }).waitFor();
    await bench().restart(async () => {
      await page.getByText('Keyrun does not answer').first().waitFor();
    });
    await page.getByText('Keyrun does not answer').first().waitFor({ state: 'detached' });
    await bench().saveKey({ label: 'After the restart' });
    await page.getByRole('row', { name: /After the restart/ }).waitFor();
  });
});
