import { Anchor, Badge, Button, Skeleton, Stack, Table, Text } from '@mantine/core';
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from 'react-router';
import {
  type DeliveryResponse,
  webhookDeliveriesControllerList,
  webhookDeliveriesControllerRedrive,
} from '../../client';
import { useMay, useWorkspaceId } from '../../app/workspace';
import { Age } from '../../elements/age';
import { formatDuration } from '../../elements/format';
import { ProblemAlert } from '../../elements/problem-alert';
import { useAction } from '../../elements/use-action';
import { useNow } from '../../elements/use-now';
import { toProblem } from '../../http/problem';

const PAGE_LIMIT = 20;
const POLL_MS = 5_000;
const COLORS = { pending: 'blue', delivered: 'green', failed: 'red' } as const;

/** What was delivered, with every attempt, and the way to deliver it again. */
export function DeliveryLog({ webhookId }: { webhookId: string }) {
  const workspaceId = useWorkspaceId();
  const queries = useQueryClient();
  const path = { workspaceId, webhookId };
  const log = useInfiniteQuery({
    queryKey: ['deliveries', workspaceId, webhookId],
    queryFn: async ({ pageParam }) => {
      const after = pageParam === undefined ? {} : { after: pageParam };
      const query = { limit: PAGE_LIMIT, ...after };
      return (await webhookDeliveriesControllerList({ path, query })).data;
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextCursor ?? undefined,
    refetchInterval: POLL_MS,
  });
  const redrive = useAction(async (deliveryId: string) => {
    await webhookDeliveriesControllerRedrive({ path: { ...path, deliveryId } });
    await queries.invalidateQueries({ queryKey: ['deliveries', workspaceId, webhookId] });
  });
  if (log.isPending) return <Skeleton h={100} />;
  if (log.error !== null) return <ProblemAlert problem={toProblem(log.error)} />;
  const deliveries = log.data.pages.flatMap(({ data }) => data);
  if (deliveries.length === 0) return <Text size="sm">Nothing was to be delivered yet.</Text>;
  return (
    <Stack gap="xs">
      <ProblemAlert problem={redrive.problem} />
      <div className="table-scroll" tabIndex={0} role="region" aria-label="Deliveries">
        <Table miw={640}>
          <Table.Thead>
            <Table.Tr>
              {['Event', 'Status', 'Ended', 'Attempts', 'Actions'].map((column) => (
                <Table.Th key={column}>{column}</Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {deliveries.map((delivery) => (
              <DeliveryRow
                key={delivery.id}
                delivery={delivery}
                isBusy={redrive.isRunning}
                onRedrive={() => void redrive.run(delivery.id)}
              />
            ))}
          </Table.Tbody>
        </Table>
      </div>
      {log.hasNextPage && (
        <Button variant="default" size="xs" onClick={() => void log.fetchNextPage()}>
          Earlier deliveries
        </Button>
      )}
    </Stack>
  );
}

function DeliveryRow({
  delivery,
  isBusy,
  onRedrive,
}: {
  delivery: DeliveryResponse;
  isBusy: boolean;
  onRedrive: () => void;
}) {
  const mayWrite = useMay('webhooks:write');
  const workspaceId = useWorkspaceId();
  return (
    <Table.Tr>
      <Table.Td>
        <Anchor
          component={Link}
          underline="always"
          size="sm"
          to={`/workspaces/${workspaceId}/executions/${delivery.executionId}`}
        >
          {delivery.event}
        </Anchor>
      </Table.Td>
      <Table.Td>
        <Badge variant="light" color={COLORS[delivery.status]} tt="none">
          {delivery.status}
        </Badge>
      </Table.Td>
      <Table.Td>
        <Age time={delivery.occurredAt} />
      </Table.Td>
      <Table.Td>
        {delivery.attempts.map(({ number, responseStatus, errorCategory, latencyMs }) => (
          <Text key={number} size="xs">
            {number}: {errorCategory ?? 'accepted'}
            {responseStatus !== null && ` (${responseStatus})`}, {formatDuration(latencyMs)}
          </Text>
        ))}
        {delivery.nextAttemptAt !== null && <NextAttempt time={delivery.nextAttemptAt} />}
      </Table.Td>
      <Table.Td>
        {mayWrite && (
          <Button size="xs" variant="default" disabled={isBusy} onClick={onRedrive}>
            Deliver again
          </Button>
        )}
      </Table.Td>
    </Table.Tr>
  );
}

/** A moment that has passed is no announcement: the attempt is made as soon as somebody is free to make it. */
function NextAttempt({ time }: { time: string }) {
  const isDue = Date.parse(time) <= useNow();
  return (
    <Text size="xs" c="dimmed">
      {isDue ? 'due now' : 'next '}
      {!isDue && <Age time={time} />}
    </Text>
  );
}
