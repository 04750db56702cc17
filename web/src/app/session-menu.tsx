import { ActionIcon, Menu } from '@mantine/core';
import { IconUser } from '@tabler/icons-react';
import { formatDateTime } from '../elements/format';
import { useAction } from '../elements/use-action';
import { useSession } from './session';
import { useWorkspace } from './workspace';

export function SessionMenu() {
  const { session, signOut } = useSession();
  const { data: workspace } = useWorkspace();
  const leaving = useAction(signOut);
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="default" size="lg" aria-label="Session" loading={leaving.isRunning}>
          <IconUser size={18} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {workspace === undefined ? 'Signed in' : `${workspace.role} of ${workspace.name}`}
          {session.agentId !== null && ` · agent ${session.agentId}`}
        </Menu.Label>
        {session.expiresAt !== null && (
          <Menu.Label>Until {formatDateTime(session.expiresAt)}</Menu.Label>
        )}
        <Menu.Item component="a" href="/docs">
          API reference
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item onClick={() => void leaving.run()}>Sign out</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
