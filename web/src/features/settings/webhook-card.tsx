import { Alert, Badge, Button, Card, Group, Stack, Text } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import {
  type TestWebhookResponse,
  type WebhookResponse,
  webhooksControllerDelete,
  webhooksControllerRotateSecret,
  webhooksControllerTest,
  webhooksControllerUpdate,
} from '../../client';
import { useMay, useWorkspaceId } from '../../app/workspace';
import { ConfirmDeletion } from '../../elements/confirm-deletion';
import { formatDateTime, formatDuration } from '../../elements/format';
import { notifyDone } from '../../elements/notify';
import { ProblemAlert } from '../../elements/problem-alert';
import { useAction } from '../../elements/use-action';
import { DeliveryLog } from './delivery-log';
import { oldSecretsSignUntil } from './webhooks-api';

interface WebhookCardProps {
  readonly webhook: WebhookResponse;
  readonly onChanged: () => Promise<void>;
  /** A new secret, to be shown once. */
  readonly onSecret: (secret: string) => void;
}

export function WebhookCard({ webhook, onChanged, onSecret }: WebhookCardProps) {
  const [isLogOpen, setLogOpen] = useState(false);
  const { id, url, events, description, enabled, disabledReason } = webhook;
  const oldSecretsEnd = oldSecretsSignUntil(webhook);
  return (
    <Card withBorder component="section" aria-label={`Webhook ${url}`}>
      <Stack gap="sm">
        <Group justify="space-between" align="flex-start">
          <div>
            <Text fw={600} className="wrap-anywhere">
              {url}
            </Text>
            <Text size="sm" c="dimmed">
              {[description, events.join(', ')].filter((text) => text !== null).join(' · ')}
            </Text>
            {oldSecretsEnd !== null && (
              <Text size="sm" c="dimmed">
                Secrets before the newest one sign too until {formatDateTime(oldSecretsEnd)}.
              </Text>
            )}
          </div>
          <Badge variant="light" color={enabled ? 'green' : 'gray'} tt="none">
            {enabled ? 'Enabled' : disabledReason === 'gone' ? 'Disabled: it is gone' : 'Disabled'}
          </Badge>
        </Group>
        <WebhookActions webhook={webhook} onChanged={onChanged} onSecret={onSecret}>
          <Button
            size="xs"
            variant="default"
            aria-expanded={isLogOpen}
            onClick={() => {
              setLogOpen(!isLogOpen);
            }}
          >
            Deliveries
          </Button>
        </WebhookActions>
        {isLogOpen && <DeliveryLog webhookId={id} />}
      </Stack>
    </Card>
  );
}

function WebhookActions({
  webhook,
  onChanged,
  onSecret,
  children,
}: WebhookCardProps & { children: ReactNode }) {
  const mayWrite = useMay('webhooks:write');
  const [isDeleting, setDeleting] = useState(false);
  const { actions, problem, result, remove } = useWebhookActions({ webhook, onChanged, onSecret });
  return (
    <Stack gap="sm">
      <Group gap="xs">
        {actions.map(({ label, action }) => (
          <Button
            key={label}
            size="xs"
            variant="default"
            loading={action.isRunning}
            onClick={() => void action.run()}
          >
            {label}
          </Button>
        ))}
        {children}
        {mayWrite && (
          <Button
            size="xs"
            variant="light"
            color="red"
            onClick={() => {
              setDeleting(true);
            }}
          >
            Delete…
          </Button>
        )}
      </Group>
      <TestOutcome result={result} />
      <ProblemAlert problem={problem} />
      {isDeleting && (
        <ConfirmDeletion
          title="Delete this webhook?"
          name={webhook.url}
          onConfirm={remove}
          onClose={() => {
            setDeleting(false);
          }}
        >
          <Text size="sm">Its log goes too, and what was still to be delivered is dropped.</Text>
        </ConfirmDeletion>
      )}
    </Stack>
  );
}

function useWebhookActions({ webhook, onChanged, onSecret }: WebhookCardProps) {
  const workspaceId = useWorkspaceId();
  const path = { workspaceId, webhookId: webhook.id };
  const mayWrite = useMay('webhooks:write');
  const mayTest = useMay('webhooks:test');
  const [result, setResult] = useState<TestWebhookResponse | null>(null);
  const test = useAction(async () => {
    setResult(null);
    setResult((await webhooksControllerTest({ path })).data);
  });
  const toggle = useAction(async () => {
    await webhooksControllerUpdate({ path, body: { enabled: !webhook.enabled } });
    await onChanged();
  });
  const rotation = useAction(async () => {
    const { data } = await webhooksControllerRotateSecret({ path, body: {} });
    await onChanged();
    onSecret(data.secret);
  });
  const remove = async () => {
    await webhooksControllerDelete({ path });
    await onChanged();
    notifyDone('The webhook is deleted.');
  };
  const actions = [
    { label: 'Test', action: test, isAllowed: mayTest },
    { label: webhook.enabled ? 'Disable' : 'Enable', action: toggle, isAllowed: mayWrite },
    { label: 'New secret', action: rotation, isAllowed: mayWrite },
  ].filter(({ isAllowed }) => isAllowed);
  const problem = test.problem ?? toggle.problem ?? rotation.problem;
  return { actions, problem, result, remove };
}

function TestOutcome({ result }: { result: TestWebhookResponse | null }) {
  if (result === null) return null;
  return (
    <Alert
      role="status"
      color={result.ok ? 'green' : 'red'}
      title={result.ok ? 'It arrived' : 'It did not arrive'}
    >
      {result.message} {result.status !== null && `HTTP ${result.status}, `}
      {formatDuration(result.latencyMs)}
    </Alert>
  );
}
