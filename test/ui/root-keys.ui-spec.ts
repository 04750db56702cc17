import { useUiBench } from './support/ui-suite';

const WORKSPACES = 7;
/** Of workspaces that nobody uses meanwhile, so that nothing but the command moves them. */
const LOCK_THREE = `
  SELECT FROM workspace_data_keys
   WHERE workspace_id IN (SELECT id FROM workspaces WHERE name LIKE 'Workspace %' ORDER BY id LIMIT 3)
     FOR UPDATE`;

describe('a change of the root key', () => {
  const bench = useUiBench();

  it('is followed by the owner from the first data key to the retired root key', async () => {
    for (let number = 1; number <= WORKSPACES; number += 1) {
      await bench().createWorkspace(`Workspace ${number}`);
    }
    const watched = await bench().openSignedIn(bench().path('settings/encryption'));
    watched.expect(/ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_SOCKET|status of 503/);
    const { page } = watched;
    const card = page.getByRole('region', { name: 'Root keys', exact: true });
    const total = WORKSPACES + 2;
    await card.getByText(`All ${total} data keys are under the active root key.`).waitFor();
    expect(await card.getByRole('row', { name: /Active/ }).count()).toBe(1);

    expect(await bench().keys('rotate-root')).toMatchObject({ code: 0 });
    await bench().restart(async () => {
      await page.getByText('Keyrun does not answer').first().waitFor();
    });
    const left = card.getByText(/data keys? (is|are) still under an older root key/);
    await left.waitFor();
    await card.getByRole('row', { name: /Still needed/ }).waitFor();
    await card.getByText('npm run keyrun -- keys rewrap').waitFor();

    // A run that does not get everything, under the open page.
    await bench().whileLocked(LOCK_THREE, async () => {
      expect(await bench().keys('rewrap')).toMatchObject({ code: 1 });
      await card.getByText(/^3 data keys are still under an older root key: 66 % done/).waitFor();
      const bar = card.getByRole('progressbar', { name: 'Data keys under the active root key' });
      expect(await bar.getAttribute('aria-valuenow')).toBe('66');
    });
    expect(await bench().keys('rewrap')).toMatchObject({ code: 0 });
    await card.getByText(`All ${total} data keys are under the active root key.`).waitFor();
    await card.getByRole('row', { name: /Can be retired 0/ }).waitFor();
    await card.getByText('npm run keyrun -- keys retire').waitFor();
  });
});
