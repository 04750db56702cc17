import { ActionIcon, Menu } from '@mantine/core';
import { IconUser } from '@tabler/icons-react';
import { formatDateTime } from '../elements/format';
import { useAction } from '../elements/use-action';
import { useSession } from './session';

export function SessionMenu() {
  const { session, signOut } = useSession();
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
          Signed in as {session.role}
          {session.agentId !== null && ` of the agent ${session.agentId}`}
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
