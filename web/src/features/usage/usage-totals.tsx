import { Card, SimpleGrid, Text } from '@mantine/core';
import { formatCount, formatDuration, formatUsd } from '../../elements/format';
import type { UsageReport } from '../../http/usage';

export function UsageTotals({ totals }: { totals: UsageReport['totals'] }) {
  const figures = [
    ['Cost', formatUsd(totals.costUsd)],
    ['Executions', formatCount(totals.executions)],
    ['Failed', formatRate(totals.errorRate)],
    ['Tokens', formatCount(totals.inputTokens + totals.outputTokens)],
    ['Latency p50', formatDuration(totals.latencyMsP50)],
    ['Latency p95', formatDuration(totals.latencyMsP95)],
  ] as const;
  return (
    <div>
      <SimpleGrid cols={{ base: 2, sm: 3, lg: 6 }}>
        {figures.map(([label, value]) => (
          <Card key={label} withBorder padding="sm">
            <Text size="sm" c="dimmed">
              {label}
            </Text>
            <Text fw={700} size="lg" className="figures">
              {value}
            </Text>
          </Card>
        ))}
      </SimpleGrid>
      {totals.unpriced > 0 && (
        <Text size="sm" mt="xs">
          {formatCount(totals.unpriced)} of them have no known price and are not in the cost.
        </Text>
      )}
    </div>
  );
}

export function formatRate(rate: number | null): string {
  return rate === null
    ? '–'
    : rate.toLocaleString(undefined, { style: 'percent', maximumFractionDigits: 1 });
}
