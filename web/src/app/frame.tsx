import { AppShell, Burger, Center, Group, Loader, NavLink, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import {
  IconChartBar,
  IconKey,
  IconListDetails,
  IconMessage2,
  IconSettings,
} from '@tabler/icons-react';
import { Suspense, useEffect } from 'react';
import { Link, Outlet, useLocation } from 'react-router';
import { Problem } from '../http/problem';
import { ColorSchemeSwitch } from './color-scheme-switch';
import { ServerNotice } from './server-notice';
import { SessionMenu } from './session-menu';
import { NoWorkspacePage } from './no-workspace-page';
import { rememberWorkspace, useWorkspace, useWorkspaceId } from './workspace';
import { WorkspaceSwitcher } from './workspace-switcher';

const PAGES = [
  { path: 'keys', label: 'Keys', Icon: IconKey },
  { path: 'executions', label: 'Executions', Icon: IconListDetails },
  { path: 'playground', label: 'Playground', Icon: IconMessage2 },
  { path: 'usage', label: 'Usage', Icon: IconChartBar },
  { path: 'settings', label: 'Settings', Icon: IconSettings },
] as const;

/** What surrounds every page: where one is, and how to get elsewhere. */
export function Frame() {
  const workspaceId = useWorkspaceId();
  const [isOpen, { toggle, close }] = useDisclosure(false);
  const { pathname } = useLocation();
  const { data, error } = useWorkspace();
  const isFound = data !== undefined;
  const isMissing = error instanceof Problem && error.status === 404;
  useEffect(() => {
    if (isFound) rememberWorkspace(workspaceId);
  }, [workspaceId, isFound]);
  useEffect(close, [close, pathname]);
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 220, breakpoint: 'sm', collapsed: { mobile: !isOpen } }}
      padding="lg"
    >
      <a className="skip-link" href="#main" onClick={skipToMain}>
        Skip to the content
      </a>
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group wrap="nowrap">
            <Burger
              opened={isOpen}
              onClick={toggle}
              hiddenFrom="sm"
              size="sm"
              aria-label={isOpen ? 'Close the navigation' : 'Open the navigation'}
            />
            <Text fw={700} visibleFrom="xs">
              Keyrun
            </Text>
            <WorkspaceSwitcher />
          </Group>
          <Group gap="xs" wrap="nowrap">
            <ColorSchemeSwitch />
            <SessionMenu />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label="Pages">
        {PAGES.map(({ path, label, Icon }) => {
          const target = `/workspaces/${workspaceId}/${path}`;
          const isHere = pathname.startsWith(target);
          return (
            <NavLink
              key={path}
              component={Link}
              to={target}
              label={label}
              active={isHere}
              aria-current={isHere ? 'page' : undefined}
              leftSection={<Icon size={18} aria-hidden />}
            />
          );
        })}
      </AppShell.Navbar>
      <AppShell.Main id="main" tabIndex={-1}>
        <ServerNotice />
        <Suspense fallback={<Waiting />}>
          {isMissing ? <NoWorkspacePage /> : <Outlet key={workspaceId} />}
        </Suspense>
      </AppShell.Main>
    </AppShell>
  );
}

function skipToMain(event: { preventDefault: () => void }): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

function Waiting() {
  return (
    <Center mih={200}>
      <Loader aria-label="Loading" />
    </Center>
  );
}
