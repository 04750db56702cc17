import { Alert, Group, Table, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import type { ExecutionResponse } from '../../client';
import { formatCount, formatDateTime, formatDuration } from '../../elements/format';
import { wordsOfMessage } from '../../http/problem-words';
import { costOf } from './execution-pages';
import { ExecutionStatusBadge } from './execution-status-badge';
import { whatWasPaid } from './what-was-paid';

/** Codes of executions that ended for no fault of the request. */
const END_TITLES: Readonly<Partial<Record<string, string>>> = {
  cancelled: 'Cancelled',
  interrupted: 'Interrupted: its server ended',
};

const MODES = {
  sync: 'waited for',
  stream: 'streamed',
  async: 'queued',
} as const satisfies Record<ExecutionResponse['mode'], string>;

/** What an execution is. What to do about its failure is in the message: its code says more than `retryable` does. */
export function ExecutionFacts({ execution }: { execution: ExecutionResponse }) {
  const { status, error, usage } = execution;
  return (
    <section aria-label="Facts">
      {error !== null && (
        <Alert
          color={status === 'cancelled' ? 'gray' : 'red'}
          title={END_TITLES[error.code] ?? `Failed: ${error.category}`}
          mb="sm"
        >
          <Text size="sm" className="wrap-anywhere">
            {wordsOfMessage(error.message)}
          </Text>
          <Text size="sm">{whatWasPaid(execution)}</Text>
        </Alert>
      )}
      <Facts
        rows={[
          ['Status', <ExecutionStatusBadge key="status" status={status} />],
          ['Agent', execution.agentId],
          ['Model', `${execution.provider}/${execution.model}`],
          ['Mode', MODES[execution.mode]],
          ['Tokens', usage === null ? '–' : tokens(usage)],
          ['Cost', costOf(execution)],
          ['Latency', formatDuration(execution.latencyMs)],
          ['First token', formatDuration(execution.timeToFirstTokenMs)],
          ['Created', formatDateTime(execution.createdAt)],
          ['Finish reason', execution.finishReason ?? '–'],
        ]}
      />
    </section>
  );
}

/** Names and what they are, as a table of two columns. */
export function Facts({ rows }: { rows: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <Table withRowBorders={false} verticalSpacing={4} layout="fixed">
      <Table.Tbody>
        {rows.map(([name, value]) => (
          <Table.Tr key={name}>
            <Table.Th scope="row" w={150} fw={400} c="dimmed">
              {name}
            </Table.Th>
            <Table.Td className="wrap-anywhere">
              <Group gap="xs">{value}</Group>
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function tokens(usage: NonNullable<ExecutionResponse['usage']>): string {
  const extras = [
    [usage.cacheReadTokens, 'read from cache'],
    [usage.cacheWriteTokens, 'written to cache'],
    [usage.reasoningTokens, 'for reasoning'],
  ] as const;
  const parts = extras
    .filter(([count]) => count > 0)
    .map(([count, what]) => `${formatCount(count)} ${what}`);
  return [
    `${formatCount(usage.inputTokens)} in, ${formatCount(usage.outputTokens)} out`,
    ...parts,
    ...(usage.source === 'estimated' ? ['estimated'] : []),
  ].join(', ');
}
