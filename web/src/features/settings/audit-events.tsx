import { Code, Text } from '@mantine/core';
import type { AuditEventResponse } from '../../client';
import { DataCell, DataRow, DataTable, RowHeader } from '../../elements/data-table';
import { formatDateTime } from '../../elements/format';
import { useTokens } from './tokens-api';

const NUMBER = { label: 'Number', isFigure: true };
const WHO = { label: 'Who' };
const ACTION = { label: 'Action' };
const DETAILS = { label: 'Details', isLong: true };
const COLUMNS = [{ label: 'Time' }, NUMBER, WHO, ACTION, DETAILS];

/** The events as a table, newest first. */
export function AuditEvents({ events }: { events: readonly AuditEventResponse[] }) {
  const tokens = useTokens();
  const nameOf = (actor: string) =>
    tokens.data?.find(({ id }) => id === actor)?.name ??
    (actor === 'server' ? 'the server' : actor);
  if (events.length === 0) return <Text role="status">No event of this kind was recorded.</Text>;
  return (
    <DataTable label="Audit events" columns={COLUMNS} isDense>
      {events.map((event) => (
        <DataRow key={event.id}>
          <RowHeader>
            <Text size="sm" className="no-wrap figures">
              {formatDateTime(event.occurredAt)}
            </Text>
          </RowHeader>
          <DataCell column={NUMBER}>{event.sequence}</DataCell>
          <DataCell column={WHO}>{nameOf(event.actor)}</DataCell>
          <DataCell column={ACTION}>
            <span className="no-wrap">{event.action}</span>
          </DataCell>
          <DataCell column={DETAILS}>
            <Code>{detailsOf(event)}</Code>
          </DataCell>
        </DataRow>
      ))}
    </DataTable>
  );
}

function detailsOf({ subjectType, purpose, details }: AuditEventResponse): string {
  const parts = Object.entries(details).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return [subjectType, ...(purpose === null ? [] : [`for ${purpose}`]), ...parts].join(' ');
}
