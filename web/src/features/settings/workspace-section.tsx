import { Button, Card, Code, Group, Skeleton, Stack, Text, TextInput, Title } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import {
  type WorkspaceResponse,
  workspacesControllerDelete,
  workspacesControllerUpdate,
} from '../../client';
import { useSession } from '../../app/session';
import { forgetWorkspace, useMay, useWorkspace } from '../../app/workspace';
import { RoleNote } from '../../app/role-note';
import { ConfirmDeletion } from '../../elements/confirm-deletion';
import { notifyDone } from '../../elements/notify';
import { ProblemAlert } from '../../elements/problem-alert';
import { useAction } from '../../elements/use-action';
import { ContentSection } from './content-section';

export function WorkspaceSection() {
  const { data: workspace } = useWorkspace();
  if (workspace === undefined) return <Skeleton h={160} />;
  return (
    <Stack maw={640}>
      <RoleNote needs="workspace:update" to="change the settings" />
      <Renaming key={workspace.id} workspace={workspace} />
      <ContentSection key={`${workspace.id} content`} workspace={workspace} />
      <Deletion workspace={workspace} />
    </Stack>
  );
}

function Renaming({ workspace }: { workspace: WorkspaceResponse }) {
  const [name, setName] = useState(workspace.name);
  const queries = useQueryClient();
  const mayRename = useMay('workspace:update');
  const renaming = useAction(async () => {
    await workspacesControllerUpdate({ path: { workspaceId: workspace.id }, body: { name } });
    await queries.invalidateQueries({ queryKey: ['workspaces'] });
    notifyDone('The workspace has its new name.');
  });
  return (
    <Card withBorder>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void renaming.run();
        }}
      >
        <Stack>
          <TextInput
            label="Name"
            required
            maxLength={100}
            value={name}
            disabled={!mayRename}
            error={renaming.problem?.of('/name')}
            onChange={(event) => {
              setName(event.currentTarget.value);
            }}
          />
          <Text size="sm" c="dimmed">
            Its id, for requests: <Code>{workspace.id}</Code>
          </Text>
          <ProblemAlert problem={renaming.problem} beside={['/name']} />
          <Group>
            <Button type="submit" loading={renaming.isRunning} disabled={!mayRename}>
              Rename
            </Button>
          </Group>
        </Stack>
      </form>
    </Card>
  );
}

function Deletion({ workspace }: { workspace: WorkspaceResponse }) {
  const [isAsking, setAsking] = useState(false);
  const { session } = useSession();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const mayDelete = useMay('workspace:delete');
  const remove = async () => {
    await workspacesControllerDelete({ path: { workspaceId: workspace.id } });
    forgetWorkspace();
    notifyDone(`“${workspace.name}” is deleted.`);
    await navigate(`/workspaces/${session.workspaceId}/keys`);
    // The list only: nobody asks any more for what is gone.
    await queries.invalidateQueries({ queryKey: ['workspaces'], exact: true });
  };
  if (!mayDelete) return null;
  return (
    <Card withBorder>
      <Title order={2} size="h4">
        Delete the workspace
      </Title>
      <Text size="sm" c="dimmed" mt={4} mb="sm">
        Its keys, tokens and executions are deleted. The key that encrypts its secrets is destroyed
        first, so copies of them, in backups too, are unreadable from then on.
      </Text>
      <Button
        variant="light"
        color="red"
        w="fit-content"
        onClick={() => {
          setAsking(true);
        }}
      >
        Delete…
      </Button>
      {isAsking && (
        <ConfirmDeletion
          title="Delete this workspace?"
          name={workspace.name}
          onConfirm={remove}
          onClose={() => {
            setAsking(false);
          }}
        >
          <Text size="sm">This cannot be undone.</Text>
        </ConfirmDeletion>
      )}
    </Card>
  );
}
