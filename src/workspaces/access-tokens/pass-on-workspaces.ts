import type { EntityManager } from 'typeorm';
import { appendAuditEvents } from '../../audit-trail';
import type { Principal } from '../access/principal';

/** The workspaces that no other token owns, in order. An expired owner is none. */
export async function workspacesOwnedAlone(
  manager: EntityManager,
  tokenId: string,
): Promise<string[]> {
  const owned = await manager.query<{ id: string }[]>(
    'SELECT id FROM workspaces_owned_alone($1) AS id ORDER BY id',
    [tokenId],
  );
  return owned.map(({ id }) => id);
}

/**
 * Makes the caller the owner of what the token alone owned, which leaves an event in the chain of each of these
 * workspaces. In the transaction of the token's home, which it is in again afterwards.
 */
export async function passOnWorkspaces(
  manager: EntityManager,
  { workspaceId: homeId, tokenId: heirId }: Principal,
  tokenId: string,
  ownedAlone: readonly string[],
): Promise<void> {
  await manager.query('SELECT pass_on_workspaces($1, $2)', [tokenId, heirId]);
  const details = { formerTokenId: tokenId, tokenId: heirId };
  for (const workspaceId of ownedAlone) {
    await manager.query('SELECT enter_workspace_as($1, $2)', [workspaceId, heirId]);
    const action = 'workspace.passed-on';
    await appendAuditEvents(manager, { workspaceId, action, subjectId: workspaceId, details });
  }
  await manager.query('SELECT enter_workspace_as($1, $2)', [homeId, heirId]);
}
