import {
  Alert,
  Button,
  Card,
  Center,
  Code,
  Group,
  Loader,
  Select,
  Stack,
  Text,
  TextInput,
} from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { IconDownload } from '@tabler/icons-react';
import { lazy, Suspense } from 'react';
import { EchoDemo } from '../../app/echo-demo';
import { useWorkspaceId } from '../../app/workspace';
import { formatUsd } from '../../elements/format';
import { Page } from '../../elements/page';
import { ProblemAlert } from '../../elements/problem-alert';
import { toProblem } from '../../http/problem';
import { lastDays, readUsage, usageCsvPath } from '../../http/usage';
import { UsageTable } from './usage-table';
import { UsageTotals } from './usage-totals';
import { DAYS_DEFAULT, daysOf, type Dimension, DIMENSIONS, useUsageRange } from './usage-range';

const UsageCharts = lazy(async () => ({
  default: (await import('./usage-charts')).UsageCharts,
}));

/** What was spent, on what, and how well it went. */
export function UsagePage() {
  const workspaceId = useWorkspaceId();
  const state = useUsageRange();
  const { dimension, range } = state;
  const groups = useUsage(workspaceId, [dimension], range);
  const days = useUsage(workspaceId, ['day'], range);
  const dayGroups = useUsage(workspaceId, ['day', dimension], range);
  const providers = useUsage(workspaceId, ['provider'], range);
  const echo = providers.data?.data.find(({ provider }) => provider === 'echo');
  const failure = groups.error ?? days.error ?? dayGroups.error;
  const csv = usageCsvPath(workspaceId, { groupBy: ['day', dimension], ...range });
  return (
    <Page
      title="Usage"
      lead="Sums of the ledger, by days of UTC. A price that is not known is said to be unknown, never counted as nothing."
      actions={
        <Button
          component="a"
          href={csv}
          download
          variant="default"
          leftSection={<IconDownload size={16} aria-hidden />}
        >
          Download CSV
        </Button>
      }
    >
      <RangeBar state={state} />
      {state.isRefused && <NoRange />}
      {failure !== null && (
        <ProblemAlert
          problem={toProblem(failure)}
          onRetry={async () => Promise.all([groups.refetch(), days.refetch(), dayGroups.refetch()])}
        />
      )}
      {groups.data !== undefined && groups.data.totals.executions === 0 && <NothingUsed />}
      {groups.data !== undefined && groups.data.totals.executions > 0 && (
        <>
          <UsageTotals totals={groups.data.totals} />
          {Number(echo?.costUsd ?? 0) > 0 && <MadeUpCost costUsd={echo?.costUsd ?? '0'} />}
          {days.data !== undefined && dayGroups.data !== undefined && (
            <Suspense fallback={<Waiting />}>
              <UsageCharts
                range={range}
                days={days.data.data}
                dayGroups={dayGroups.data.data}
                dimension={dimension}
              />
            </Suspense>
          )}
          <UsageTable rows={groups.data.data} dimension={dimension} />
        </>
      )}
      {groups.isPending && <Waiting />}
    </Page>
  );
}

function useUsage(
  workspaceId: string,
  groupBy: readonly ('day' | Dimension)[],
  range: { from: string; to: string },
) {
  return useQuery({
    queryKey: ['usage', workspaceId, groupBy, range],
    queryFn: async () => readUsage(workspaceId, { groupBy, ...range }),
    staleTime: 30_000,
  });
}

function RangeBar({ state }: { state: ReturnType<typeof useUsageRange> }) {
  const { dimension, range, set } = state;
  const days = daysOf(range);
  return (
    <Group align="flex-end" gap="sm" role="group" aria-label="Range">
      <TextInput
        type="date"
        label="From"
        value={days.from}
        max={days.to}
        onChange={(event) => {
          set({ from: event.currentTarget.value, to: days.to });
        }}
      />
      <TextInput
        type="date"
        label="To"
        value={days.to}
        min={days.from}
        onChange={(event) => {
          set({ from: days.from, to: event.currentTarget.value });
        }}
      />
      {[7, 30, 90].map((count) => (
        <Button
          key={count}
          variant="default"
          onClick={() => {
            set(daysOf(lastDays(count)));
          }}
        >
          {count} days
        </Button>
      ))}
      <Select
        label="Split by"
        allowDeselect={false}
        data={[...DIMENSIONS]}
        value={dimension}
        onChange={(value) => {
          if (value !== null) set({ by: value });
        }}
      />
    </Group>
  );
}

function NoRange() {
  return (
    <Alert color="yellow" role="status" title="The address names no range of days">
      It needs a day to start <Code>from</Code> and the same or a later one to go <Code>to</Code>,
      both like 2026-01-31. These are the last {DAYS_DEFAULT} days instead.
    </Alert>
  );
}

/** What echo adds to the cost is there to be seen, and paid by nobody. */
function MadeUpCost({ costUsd }: { costUsd: string }) {
  return (
    <Text size="sm">
      {formatUsd(costUsd)} of the cost is of the built-in echo provider: it sends nothing to anybody
      and its prices are made up.
    </Text>
  );
}

function NothingUsed() {
  return (
    <Card withBorder>
      <Stack gap="sm">
        <Text>Nothing ran in these days. What runs appears here within a minute.</Text>
        <EchoDemo />
      </Stack>
    </Card>
  );
}

function Waiting() {
  return (
    <Center mih={240}>
      <Loader aria-label="Loading the usage" />
    </Center>
  );
}
