import '@mantine/charts/styles.css';
import { BarChart, LineChart } from '@mantine/charts';
import { Card, SimpleGrid, Title, VisuallyHidden } from '@mantine/core';
import { useReducedMotion } from '@mantine/hooks';
import type { ReactNode } from 'react';
import {
  formatCount,
  formatCountBriefly,
  formatDuration,
  formatUsd,
  formatUsdOfAxis,
} from '../../elements/format';
import type { UsageRow } from '../../http/usage';
import { useApiKeys, useProviders } from '../api-keys/api-keys-api';
import { alongDays, costStacks, everyDay, shareAxis } from './chart-data';
import { nameOf } from './usage-names';
import type { Dimension } from './usage-range';
import { formatRate } from './usage-totals';

const COLORS = ['cyan.7', 'grape.6', 'orange.6', 'lime.7', 'indigo.5', 'pink.6', 'gray.6'];
const HEIGHT = 240;
const AXIS_WIDTH = 68;
/** For eleven letters, e.g. $0.00000135. */
const USD_AXIS_WIDTH = 100;

interface UsageChartsProps {
  readonly range: { readonly from: string; readonly to: string };
  readonly days: readonly UsageRow[];
  readonly dayGroups: readonly UsageRow[];
  readonly dimension: Dimension;
}

/** Loaded late: the library that draws is as big as the rest of the page. */
export function UsageCharts({ range, days, dayGroups, dimension }: UsageChartsProps) {
  const keys = useApiKeys();
  const providers = useProviders();
  const isStill = useReducedMotion();
  const dates = everyDay(range);
  const stacks = costStacks(dates, dayGroups, (row) =>
    nameOf(row, dimension, keys.data ?? [], providers.data ?? []),
  );
  const along = (values: Parameters<typeof alongDays>[2]) => alongDays(dates, days, values);
  const common = { h: HEIGHT, dataKey: 'day', withLegend: true } as const;
  const still = { isAnimationActive: !isStill };
  return (
    <SimpleGrid cols={{ base: 1, lg: 2 }}>
      <Chart title="Cost per day">
        <BarChart
          {...common}
          type="stacked"
          data={stacks.data}
          series={colored(stacks.series)}
          valueFormatter={(value) => formatUsd(String(value))}
          yAxisProps={axis(formatUsdOfAxis, USD_AXIS_WIDTH)}
          barProps={still}
        />
      </Chart>
      <Chart title="Tokens per day">
        <BarChart
          {...common}
          type="stacked"
          data={along({
            'Tokens in': ({ inputTokens }) => inputTokens,
            'Tokens out': ({ outputTokens }) => outputTokens,
          })}
          series={colored(['Tokens in', 'Tokens out'])}
          valueFormatter={formatCount}
          yAxisProps={axis(formatCountBriefly)}
          barProps={still}
        />
      </Chart>
      <Chart title="Latency">
        <LineChart
          {...common}
          connectNulls
          data={along({
            p50: ({ latencyMsP50 }) => latencyMsP50,
            p95: ({ latencyMsP95 }) => latencyMsP95,
          })}
          series={colored(['p50', 'p95'])}
          valueFormatter={formatDuration}
          yAxisProps={axis(formatDuration)}
          lineProps={still}
        />
      </Chart>
      <Chart title="Failed">
        <LineChart
          {...common}
          connectNulls
          withLegend={false}
          data={along({ Failed: ({ errorRate }) => errorRate })}
          series={[{ name: 'Failed', color: 'red.6' }]}
          valueFormatter={formatRate}
          yAxisProps={{ ...axis(formatRate), ...shareAxis(days.map(({ errorRate }) => errorRate)) }}
          lineProps={still}
        />
      </Chart>
    </SimpleGrid>
  );
}

/** A picture of figures that are in the table below, which is what a screen reader reads. */
function Chart({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Card withBorder component="section" aria-label={title}>
      <Title order={2} size="h5" mb="sm">
        {title}
      </Title>
      <VisuallyHidden>The table below has these figures.</VisuallyHidden>
      <div aria-hidden inert>
        {children}
      </div>
    </Card>
  );
}

/** Wide enough for its labels: what the library measures leaves out their distance from the axis. */
function axis(tickFormatter: (value: number) => string, width = AXIS_WIDTH) {
  return { width, tickFormatter } as const;
}

function colored(names: readonly string[]): { name: string; color: string }[] {
  return names.map((name, index) => ({ name, color: COLORS[index % COLORS.length] ?? 'gray.6' }));
}
