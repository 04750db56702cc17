import { Button, Group, Menu, Stack, Text, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { IconChevronDown } from '@tabler/icons-react';
import { type SubmitEvent, useState } from 'react';
import { useNavigate } from 'react-router';
import { workspacesControllerCreate } from '../client';
import { Dialog } from '../elements/dialog';
import { ProblemAlert } from '../elements/problem-alert';
import { useAction } from '../elements/use-action';
import { useSession } from './session';
import { useWorkspaceId, useWorkspaces } from './workspace';

export function WorkspaceSwitcher() {
  const workspaceId = useWorkspaceId();
  const workspaces = useWorkspaces();
  // A workspace is made with what the token may at home.
  const mayCreate = useSession().session.permissions.includes('workspaces:create');
  const navigate = useNavigate();
  const [isCreating, setCreating] = useState(false);
  const current = workspaces.data?.find(({ id }) => id === workspaceId);
  return (
    <>
      <Menu>
        <Menu.Target>
          <Button
            variant="default"
            size="xs"
            rightSection={<IconChevronDown size={14} aria-hidden />}
            maw={220}
          >
            <Text span size="sm" truncate>
              {current?.name ?? 'Workspace'}
            </Text>
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>Workspaces</Menu.Label>
          {workspaces.data?.map(({ id, name }) => (
            <Menu.Item key={id} onClick={() => void navigate(`/workspaces/${id}/keys`)}>
              {name}
              {id === workspaceId && ' ✓'}
            </Menu.Item>
          ))}
          {mayCreate && (
            <>
              <Menu.Divider />
              <Menu.Item
                onClick={() => {
                  setCreating(true);
                }}
              >
                New workspace…
              </Menu.Item>
            </>
          )}
        </Menu.Dropdown>
      </Menu>
      {isCreating && (
        <CreateWorkspace
          onClose={() => {
            setCreating(false);
          }}
        />
      )}
    </>
  );
}

function CreateWorkspace({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('');
  const navigate = useNavigate();
  const queries = useQueryClient();
  const creation = useAction(async () => {
    const { data } = await workspacesControllerCreate({ body: { name } });
    await queries.invalidateQueries({ queryKey: ['workspaces'] });
    onClose();
    await navigate(`/workspaces/${data.id}/keys`);
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void creation.run();
  };
  return (
    <Dialog onClose={onClose} title="New workspace">
      <form onSubmit={submit}>
        <Stack>
          <Text size="sm" c="dimmed">
            A workspace has its own provider keys, tokens, executions and bills.
          </Text>
          <TextInput
            data-autofocus
            label="Name"
            required
            maxLength={100}
            value={name}
            error={creation.problem?.of('/name')}
            onChange={(event) => {
              setName(event.currentTarget.value);
            }}
          />
          <ProblemAlert problem={creation.problem} beside={['/name']} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={creation.isRunning}>
              Create
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
