import { Button, Card, Group, Skeleton, Stack, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { type WebhookResponse, webhooksControllerList } from '../../client';
import { RoleNote } from '../../app/role-note';
import { useMay, useWorkspaceId } from '../../app/workspace';
import { ProblemAlert } from '../../elements/problem-alert';
import { readAll } from '../../http/pages';
import { toProblem } from '../../http/problem';
import { CreateWebhookDialog } from './create-webhook-dialog';
import { ShownOnce } from './shown-once';
import { WebhookCard } from './webhook-card';

/** Who is told how executions end. */
export function WebhooksSection() {
  const workspaceId = useWorkspaceId();
  const queries = useQueryClient();
  const mayWrite = useMay('webhooks:write');
  const [isCreating, setCreating] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const webhooks = useQuery({
    queryKey: ['webhooks', workspaceId],
    queryFn: async (): Promise<WebhookResponse[]> =>
      readAll(async (query) => webhooksControllerList({ path: { workspaceId }, query })),
  });
  const refresh = async () => queries.invalidateQueries({ queryKey: ['webhooks'] });
  if (webhooks.error !== null) {
    return <ProblemAlert problem={toProblem(webhooks.error)} onRetry={webhooks.refetch} />;
  }
  return (
    <Stack maw={900}>
      <Group justify="space-between">
        <Text c="dimmed">
          A signed request for every execution that ends, repeated until it is taken.
        </Text>
        {mayWrite && (
          <Button
            onClick={() => {
              setCreating(true);
            }}
          >
            New webhook
          </Button>
        )}
      </Group>
      <RoleNote needs="webhooks:write" to="add or change webhooks" />
      {webhooks.isPending && <Skeleton h={120} />}
      {webhooks.data?.length === 0 && (
        <Card withBorder>
          <Text>
            No webhook yet. Give an address of yours, and it is told when an execution completes,
            fails or is cancelled.
          </Text>
        </Card>
      )}
      {webhooks.data?.map((webhook) => (
        <WebhookCard key={webhook.id} webhook={webhook} onChanged={refresh} onSecret={setSecret} />
      ))}
      {isCreating && (
        <CreateWebhookDialog
          onCreated={async (created) => {
            await refresh();
            setCreating(false);
            setSecret(created);
          }}
          onClose={() => {
            setCreating(false);
          }}
        />
      )}
      {secret !== null && (
        <ShownOnce
          title="The signing secret"
          secret={secret}
          fate="It is stored encrypted, to sign events with,"
          onClose={() => {
            setSecret(null);
          }}
        />
      )}
    </Stack>
  );
}
