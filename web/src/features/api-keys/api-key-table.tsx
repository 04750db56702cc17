import { Box, Code, Group, Table, Text } from '@mantine/core';
import type { ApiKeyResponse, ProviderResponse } from '../../client';
import { useMay } from '../../app/workspace';
import { Age } from '../../elements/age';
import { formatUsd } from '../../elements/format';
import { ProviderLogo } from '../../elements/provider-logo';
import type { UsageRow } from '../../http/usage';
import { ApiKeyActions } from './api-key-actions';
import { KeyStatusBadge } from './key-status-badge';

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
    <div className="table-scroll" tabIndex={0} role="region" aria-label="Keys">
      <Table verticalSpacing="sm" miw={400}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Key</Table.Th>
            <Table.Th>Status</Table.Th>
            <Table.Th visibleFrom="md">Last tested</Table.Th>
            <Table.Th visibleFrom="md">Last used</Table.Th>
            <Table.Th visibleFrom="md">Spent in 30 days</Table.Th>
            {hasActions && <Table.Th>Actions</Table.Th>}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {keys.map((key) => (
            <Table.Tr key={key.id}>
              <Table.Th scope="row">
                <KeyName apiKey={key} providers={providers} />
              </Table.Th>
              <Table.Td>
                <KeyStatusBadge status={key.status} />
              </Table.Td>
              <Table.Td visibleFrom="md" className="no-wrap">
                <Age time={key.lastTestedAt} />
              </Table.Td>
              <Table.Td visibleFrom="md" className="no-wrap">
                <Age time={key.lastUsedAt} />
              </Table.Td>
              <Table.Td visibleFrom="md" className="figures">
                {spent(usage, key.id)}
              </Table.Td>
              {hasActions && (
                <Table.Td>
                  <ApiKeyActions apiKey={key} providers={providers} usage={usage?.get(key.id)} />
                </Table.Td>
              )}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
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
      <Box visibleFrom="sm" h={28}>
        <ProviderLogo id={apiKey.provider} name={name} size={28} />
      </Box>
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
