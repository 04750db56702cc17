import { Title } from '@mantine/core';
import { DataCell, DataRow, DataTable, RowHeader } from '../../elements/data-table';
import { formatCount, formatDuration, formatUsd } from '../../elements/format';
import type { UsageRow } from '../../http/usage';
import { useApiKeys, useProviders } from '../api-keys/api-keys-api';
import { nameOf } from './usage-names';
import { type Dimension, DIMENSIONS } from './usage-range';
import { formatRate } from './usage-totals';

const COLUMNS = (
  [
    ['Cost', ({ costUsd }) => formatUsd(costUsd)],
    ['Executions', ({ executions }) => formatCount(executions)],
    ['Failed', ({ errorRate }) => formatRate(errorRate)],
    ['Unpriced', ({ unpriced }) => formatCount(unpriced)],
    ['Tokens in', ({ inputTokens }) => formatCount(inputTokens)],
    ['Tokens out', ({ outputTokens }) => formatCount(outputTokens)],
    ['Latency p50', ({ latencyMsP50 }) => formatDuration(latencyMsP50)],
    ['Latency p95', ({ latencyMsP95 }) => formatDuration(latencyMsP95)],
  ] as const satisfies readonly (readonly [label: string, read: (row: UsageRow) => string])[]
).map(([label, read]) => ({ label, read, isFigure: true }));

/** The same figures as the charts, as figures. */
export function UsageTable({
  rows,
  dimension,
}: {
  rows: readonly UsageRow[];
  dimension: Dimension;
}) {
  const keys = useApiKeys();
  const providers = useProviders();
  const label = DIMENSIONS.find(({ value }) => value === dimension)?.label ?? dimension;
  const sorted = [...rows].sort((one, other) => Number(other.costUsd) - Number(one.costUsd));
  return (
    <section aria-label={`By ${label}`}>
      <Title order={2} size="h4" mb="xs">
        By {label.toLowerCase()}
      </Title>
      <DataTable label="Figures" columns={[{ label }, ...COLUMNS]}>
        {sorted.map((row) => {
          const name = nameOf(row, dimension, keys.data ?? [], providers.data ?? []);
          return (
            <DataRow key={`${name} ${row.apiKeyId ?? ''}`}>
              <RowHeader>{name}</RowHeader>
              {COLUMNS.map((column) => (
                <DataCell key={column.label} column={column}>
                  {column.read(row)}
                </DataCell>
              ))}
            </DataRow>
          );
        })}
      </DataTable>
    </section>
  );
}
