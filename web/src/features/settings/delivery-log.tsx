import { Anchor, Badge, Button, Skeleton, Stack, Text } from '@mantine/core';
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from 'react-router';
import {
  type DeliveryResponse,
  webhookDeliveriesControllerList,
  webhookDeliveriesControllerRedrive,
} from '../../client';
import { useMay, useWorkspaceId } from '../../app/workspace';
import { Age } from '../../elements/age';
import { ACTIONS, DataCell, DataRow, DataTable, RowHeader } from '../../elements/data-table';
import { formatDuration } from '../../elements/format';
import { ProblemAlert } from '../../elements/problem-alert';
import { useAction } from '../../elements/use-action';
import { useNow } from '../../elements/use-now';
import { toProblem } from '../../http/problem';

const PAGE_LIMIT = 20;
const POLL_MS = 5_000;
const COLORS = { pending: 'blue', delivered: 'green', failed: 'red' } as const;
const STATUS = { label: 'Status' };
const ENDED = { label: 'Ended' };
const ATTEMPTS = { label: 'Attempts' };
const COLUMNS = [{ label: 'Event' }, STATUS, ENDED, ATTEMPTS, ACTIONS];

/** What was delivered, with every attempt, and the way to deliver it again. */
export function DeliveryLog({ webhookId }: { webhookId: string }) {
  const workspaceId = useWorkspaceId();
  const queries = useQueryClient();
  const mayWrite = useMay('webhooks:write');
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
  if (log.error !== null)
    return <ProblemAlert problem={toProblem(log.error)} onRetry={log.refetch} />;
  const deliveries = log.data.pages.flatMap(({ data }) => data);
  if (deliveries.length === 0) return <Text size="sm">Nothing was to be delivered yet.</Text>;
  return (
    <Stack gap="xs">
      <ProblemAlert problem={redrive.problem} />
      <DataTable label="Deliveries" columns={mayWrite ? COLUMNS : COLUMNS.slice(0, -1)}>
        {deliveries.map((delivery) => (
          <DeliveryRow
            key={delivery.id}
            delivery={delivery}
            isBusy={redrive.isRunning}
            onRedrive={mayWrite ? () => void redrive.run(delivery.id) : null}
          />
        ))}
      </DataTable>
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
  onRedrive: (() => void) | null;
}) {
  const workspaceId = useWorkspaceId();
  return (
    <DataRow>
      <RowHeader>
        <Anchor
          component={Link}
          underline="always"
          size="sm"
          to={`/workspaces/${workspaceId}/executions/${delivery.executionId}`}
        >
          {delivery.event}
        </Anchor>
      </RowHeader>
      <DataCell column={STATUS}>
        <Badge variant="light" color={COLORS[delivery.status]} tt="none" miw="max-content">
          {delivery.status}
        </Badge>
      </DataCell>
      <DataCell column={ENDED}>
        <Age time={delivery.occurredAt} />
      </DataCell>
      <DataCell column={ATTEMPTS}>
        <div>
          {delivery.attempts.map(({ number, responseStatus, errorCategory, latencyMs }) => (
            <Text key={number} size="xs">
              {number}: {errorCategory ?? 'accepted'}
              {responseStatus !== null && ` (${responseStatus})`}, {formatDuration(latencyMs)}
            </Text>
          ))}
          {delivery.nextAttemptAt !== null && <NextAttempt time={delivery.nextAttemptAt} />}
        </div>
      </DataCell>
      {onRedrive !== null && (
        <DataCell column={ACTIONS}>
          <Button size="xs" variant="default" disabled={isBusy} onClick={onRedrive}>
            Deliver again
          </Button>
        </DataCell>
      )}
    </DataRow>
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
