import { Table, Title } from '@mantine/core';
import { formatCount, formatDuration, formatUsd } from '../../elements/format';
import type { UsageRow } from '../../http/usage';
import { useApiKeys, useProviders } from '../api-keys/api-keys-api';
import { nameOf } from './usage-names';
import { type Dimension, DIMENSIONS } from './usage-range';
import { formatRate } from './usage-totals';

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
      <div className="table-scroll" tabIndex={0} role="region" aria-label="Figures">
        <Table miw={760}>
          <Table.Thead>
            <Table.Tr>
              {[label, 'Cost', 'Executions', 'Failed', 'Unpriced', 'Tokens in', 'Tokens out'].map(
                (column) => (
                  <Table.Th key={column}>{column}</Table.Th>
                ),
              )}
              <Table.Th>Latency p50 / p95</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {sorted.map((row) => {
              const name = nameOf(row, dimension, keys.data ?? [], providers.data ?? []);
              return (
                <Table.Tr key={`${name} ${row.apiKeyId ?? ''}`}>
                  <Table.Th scope="row" className="wrap-anywhere">
                    {name}
                  </Table.Th>
                  <Table.Td>{formatUsd(row.costUsd)}</Table.Td>
                  <Table.Td>{formatCount(row.executions)}</Table.Td>
                  <Table.Td>{formatRate(row.errorRate)}</Table.Td>
                  <Table.Td>{formatCount(row.unpriced)}</Table.Td>
                  <Table.Td>{formatCount(row.inputTokens)}</Table.Td>
                  <Table.Td>{formatCount(row.outputTokens)}</Table.Td>
                  <Table.Td>
                    {formatDuration(row.latencyMsP50)} / {formatDuration(row.latencyMsP95)}
                  </Table.Td>
                </Table.Tr>
              );
            })}
          </Table.Tbody>
        </Table>
      </div>
    </section>
  );
}
