import { Button, Group, Stack, TextInput } from '@mantine/core';
import { type ApiKeyResponse, apiKeysControllerUpdate } from '../../client';
import { useWorkspaceId } from '../../app/workspace';
import { Dialog } from '../../elements/dialog';
import { ProblemAlert } from '../../elements/problem-alert';
import { useAction } from '../../elements/use-action';
import { useRefreshKeys } from './api-keys-api';
import { fieldOf } from './key-form-fields';

/** Changes what a key is called and when it is its turn. */
export function RenameKeyDialog({
  apiKey,
  onClose,
}: {
  apiKey: ApiKeyResponse;
  onClose: () => void;
}) {
  const workspaceId = useWorkspaceId();
  const refresh = useRefreshKeys();
  const change = useAction(async (form: HTMLFormElement) => {
    await apiKeysControllerUpdate({
      path: { workspaceId, keyId: apiKey.id },
      body: {
        label: fieldOf(form, 'label') ?? '',
        priority: Number(fieldOf(form, 'priority') ?? 0),
      },
    });
    await refresh();
    onClose();
  });
  return (
    <Dialog onClose={onClose} title="Label and priority">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void change.run(event.currentTarget);
        }}
      >
        <Stack>
          <TextInput
            data-autofocus
            name="label"
            label="Label"
            required
            maxLength={100}
            defaultValue={apiKey.label}
            error={change.problem?.of('/label')}
          />
          <TextInput
            type="number"
            name="priority"
            label="Priority"
            description="Keys of one provider are used in ascending order."
            min={0}
            max={1_000}
            defaultValue={apiKey.priority}
            error={change.problem?.of('/priority')}
          />
          <ProblemAlert problem={change.problem} beside={['/label', '/priority']} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={change.isRunning}>
              Save
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
