import { Button, Card, Group, Select, Stack, Switch, Title } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import {
  type UpdateWorkspaceDto,
  type WorkspaceResponse,
  workspacesControllerUpdate,
} from '../../client';
import { useMay } from '../../app/workspace';
import { notifyDone } from '../../elements/notify';
import { ProblemAlert } from '../../elements/problem-alert';
import { useAction } from '../../elements/use-action';

const AS_SERVER = 'server';

const STORE_CONTENT = [
  { value: AS_SERVER, label: 'As the server is set' },
  { value: 'full', label: 'Prompts and answers, encrypted' },
  { value: 'metadata', label: 'Only figures, no text' },
] as const;

const ON_DISCONNECT = [
  { value: 'finish', label: 'It goes on' },
  { value: 'cancel', label: 'It is cancelled' },
] as const;

type Choices = Required<Omit<UpdateWorkspaceDto, 'name'>>;

/** What is kept of executions, and what becomes of those that nobody waits for. */
export function ContentSection({ workspace }: { workspace: WorkspaceResponse }) {
  const { storeContent, onDisconnect, storeAtProvider } = workspace;
  const [choices, setChoices] = useState<Choices>({ storeContent, onDisconnect, storeAtProvider });
  const change = (part: Partial<Choices>) => {
    setChoices((current) => ({ ...current, ...part }));
  };
  const queries = useQueryClient();
  const mayChange = useMay('workspace:update');
  const saving = useAction(async () => {
    await workspacesControllerUpdate({ path: { workspaceId: workspace.id }, body: choices });
    await queries.invalidateQueries({ queryKey: ['workspaces'] });
    notifyDone('Saved. It holds for what runs from now on.');
  });
  return (
    <Card withBorder component="section" aria-label="Executions">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void saving.run();
        }}
      >
        <Stack>
          <Title order={2} size="h4">
            Executions
          </Title>
          <Fields choices={choices} change={change} isDisabled={!mayChange} />
          <ProblemAlert problem={saving.problem} />
          <Group>
            <Button type="submit" loading={saving.isRunning} disabled={!mayChange}>
              Save
            </Button>
          </Group>
        </Stack>
      </form>
    </Card>
  );
}

interface FieldsProps {
  readonly choices: Choices;
  readonly change: (part: Partial<Choices>) => void;
  readonly isDisabled: boolean;
}

function Fields({ choices, change, isDisabled }: FieldsProps) {
  return (
    <>
      <Select
        label="What is stored"
        description="Without its text, an execution can neither be read again nor run again from its entry."
        allowDeselect={false}
        disabled={isDisabled}
        data={[...STORE_CONTENT]}
        value={choices.storeContent ?? AS_SERVER}
        onChange={(value) => {
          change({ storeContent: value === 'full' || value === 'metadata' ? value : null });
        }}
      />
      <Select
        label="When a client hangs up"
        description="What goes on is paid in full and can be read later; what is cancelled costs what it used until then."
        allowDeselect={false}
        disabled={isDisabled}
        data={[...ON_DISCONNECT]}
        value={choices.onDisconnect}
        onChange={(value) => {
          change({ onDisconnect: value === 'cancel' ? value : 'finish' });
        }}
      />
      <Switch
        label="Let the provider store answers too"
        description="Where the provider can (OpenAI), an answer that a crash cost is looked up there instead of being lost."
        disabled={isDisabled}
        checked={choices.storeAtProvider}
        onChange={(event) => {
          change({ storeAtProvider: event.currentTarget.checked });
        }}
      />
    </>
  );
}
