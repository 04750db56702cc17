import { Button, Checkbox, Group, Stack, TextInput } from '@mantine/core';
import { useState } from 'react';
import { webhooksControllerCreate } from '../../client';
import { useWorkspaceId } from '../../app/workspace';
import { Dialog } from '../../elements/dialog';
import { ProblemAlert } from '../../elements/problem-alert';
import { useAction } from '../../elements/use-action';
import { WEBHOOK_EVENTS, type WebhookEvent } from './webhooks-api';

interface CreateWebhookDialogProps {
  readonly onCreated: (secret: string) => Promise<void>;
  readonly onClose: () => void;
}

export function CreateWebhookDialog({ onCreated, onClose }: CreateWebhookDialogProps) {
  const workspaceId = useWorkspaceId();
  const [url, setUrl] = useState('');
  const [description, setDescription] = useState('');
  const [events, setEvents] = useState<WebhookEvent[]>([...WEBHOOK_EVENTS]);
  const creation = useAction(async () => {
    const { data } = await webhooksControllerCreate({
      path: { workspaceId },
      body: { url, events, ...(description.trim() === '' ? {} : { description }) },
    });
    await onCreated(data.secret);
  });
  return (
    <Dialog onClose={onClose} title="New webhook">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void creation.run();
        }}
      >
        <Stack>
          <TextInput
            data-autofocus
            label="URL"
            type="url"
            required
            value={url}
            error={creation.problem?.of('/url')}
            description="Public https, or a host that the operator allows."
            onChange={(event) => {
              setUrl(event.currentTarget.value);
            }}
          />
          <TextInput
            label="Description"
            maxLength={200}
            value={description}
            error={creation.problem?.of('/description')}
            onChange={(event) => {
              setDescription(event.currentTarget.value);
            }}
          />
          <Checkbox.Group label="Events" value={events} onChange={setEvents}>
            <Stack gap="xs" mt="xs">
              {WEBHOOK_EVENTS.map((event) => (
                <Checkbox key={event} value={event} label={event} />
              ))}
            </Stack>
          </Checkbox.Group>
          <ProblemAlert problem={creation.problem} beside={['/url', '/description']} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={creation.isRunning} disabled={events.length === 0}>
              Create
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
