import { Code, Group, Text } from '@mantine/core';
import type { ApiKeyResponse, ProviderResponse } from '../../client';
import { useMay } from '../../app/workspace';
import { Age } from '../../elements/age';
import { ACTIONS, DataCell, DataRow, DataTable, RowHeader } from '../../elements/data-table';
import { formatUsd } from '../../elements/format';
import { ProviderLogo } from '../../elements/provider-logo';
import type { UsageRow } from '../../http/usage';
import { ApiKeyActions } from './api-key-actions';
import { KeyStatusBadge } from './key-status-badge';

const STATUS = { label: 'Status' };
const TESTED = { label: 'Last tested' };
const USED = { label: 'Last used' };
const SPENT = { label: 'Spent in 30 days', isFigure: true };
const COLUMNS = [{ label: 'Key' }, STATUS, TESTED, USED, SPENT, ACTIONS];

interface ApiKeyTableProps {
  readonly keys: readonly ApiKeyResponse[];
  readonly providers: readonly ProviderResponse[];
  /** By key id; undefined: not known. */
  readonly usage: ReadonlyMap<string, UsageRow> | undefined;
}

export function ApiKeyTable({ keys, providers, usage }: ApiKeyTableProps) {
  const mayWrite = useMay('api-keys:write');
  const mayTest = useMay('api-keys:test');
  const hasActions = mayWrite || mayTest;
  return (
    <DataTable label="Keys" columns={hasActions ? COLUMNS : COLUMNS.slice(0, -1)}>
      {keys.map((key) => (
        <DataRow key={key.id}>
          <RowHeader>
            <KeyName apiKey={key} providers={providers} />
          </RowHeader>
          <DataCell column={STATUS}>
            <KeyStatusBadge status={key.status} />
          </DataCell>
          <DataCell column={TESTED}>
            <Age time={key.lastTestedAt} />
          </DataCell>
          <DataCell column={USED}>
            <Age time={key.lastUsedAt} />
          </DataCell>
          <DataCell column={SPENT}>{spent(usage, key.id)}</DataCell>
          {hasActions && (
            <DataCell column={ACTIONS}>
              <ApiKeyActions apiKey={key} providers={providers} usage={usage?.get(key.id)} />
            </DataCell>
          )}
        </DataRow>
      ))}
    </DataTable>
  );
}

function KeyName({
  apiKey,
  providers,
}: {
  apiKey: ApiKeyResponse;
  providers: readonly ProviderResponse[];
}) {
  const name = providers.find(({ id }) => id === apiKey.provider)?.displayName ?? apiKey.provider;
  return (
    <Group wrap="nowrap" gap="sm">
      <ProviderLogo id={apiKey.provider} name={name} size={28} />
      <div>
        <Text fw={600} size="sm" className="wrap-anywhere">
          {apiKey.label}{' '}
          <Code className="no-wrap">{apiKey.last4 === '' ? 'hidden' : `…${apiKey.last4}`}</Code>
        </Text>
        <Text size="xs" c="dimmed" className="wrap-anywhere">
          {name}
          {apiKey.baseUrl !== null && ` at ${apiKey.baseUrl}`}
        </Text>
      </div>
    </Group>
  );
}

function spent(usage: ReadonlyMap<string, UsageRow> | undefined, keyId: string): string {
  if (usage === undefined) return '–';
  const row = usage.get(keyId);
  return row === undefined ? '$0' : formatUsd(row.costUsd);
}
