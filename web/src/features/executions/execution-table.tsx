import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useEffect, useRef } from 'react';
import { Link } from 'react-router';
import { useWorkspaceId } from '../../app/workspace';
import { formatAge, formatCount, formatDateTime, formatDuration } from '../../elements/format';
import { useTick } from '../../elements/use-now';
import { briefCostOf, type ExecutionRow } from './execution-pages';
import { ExecutionStatusBadge } from './execution-status-badge';
import classes from './execution-table.module.css';
import type { LiveExecutions } from './use-live-executions';

const ROW_HEIGHT = 44;
const OVERSCAN = 12;
const COLUMNS = [
  'Status',
  'Started',
  'Agent',
  'Model',
  'Tokens in',
  'Tokens out',
  'Cost',
  'Latency',
  'First token',
] as const;

/** Any number of rows: only those in sight are in the document, and more are read as one scrolls. */
export function ExecutionTable({ live, search }: { live: LiveExecutions; search: string }) {
  const { rows, hasMore, loadMore } = live;
  const list = `/workspaces/${useWorkspaceId()}/executions`;
  const query = search && `?${search}`;
  const now = useTick();
  const frame = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: OVERSCAN,
  });
  const items = virtualizer.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && last >= rows.length - 1 - 2 * OVERSCAN) loadMore();
  });
  const before = items[0]?.start ?? 0;
  const after = virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0);
  return (
    <div
      ref={frame}
      className={classes.frame}
      tabIndex={0}
      role="region"
      aria-label="Executions"
      data-executions
    >
      <table className={classes.table} aria-rowcount={hasMore ? -1 : rows.length + 1}>
        <thead>
          <tr aria-rowindex={1}>
            {COLUMNS.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <Space height={before} />
          {items.map(({ index }) => {
            const row = rows[index];
            const target = `${list}/${row?.id ?? ''}${query}`;
            return row && <Row key={row.id} {...{ row, index, target, now }} />;
          })}
          <Space height={after} />
        </tbody>
      </table>
    </div>
  );
}

/** Stands for the rows that are not in the document. One cell: a wider one would make columns that are not shown. */
function Space({ height }: { height: number }) {
  if (height <= 0) return null;
  return (
    <tr aria-hidden>
      <td style={{ height, padding: 0, border: 0 }} />
    </tr>
  );
}

interface RowProps {
  readonly row: ExecutionRow;
  readonly index: number;
  readonly target: string;
  readonly now: number;
}

/** Rendered once as it comes into sight, and of plain elements: many come by while one scrolls. */
const Row = memo(function Row({ row, index, target, now }: RowProps) {
  const time = row.startedAt ?? row.createdAt;
  return (
    <tr aria-rowindex={index + 2} className={classes.row}>
      <td>
        <ExecutionStatusBadge status={row.status} />
      </td>
      <td>
        <Link to={target} className={classes.link} data-execution={row.id}>
          <time dateTime={time} title={formatDateTime(time)}>
            {formatAge(time, Math.max(now, Date.parse(time)))}
          </time>
        </Link>
      </td>
      <td title={row.agentId}>{row.agentId}</td>
      <td title={`${row.provider}/${row.model}`}>
        <span className={classes.dimmed}>{row.provider}/</span>
        {row.model}
      </td>
      <td className={classes.number}>{count(row.usage?.inputTokens)}</td>
      <td className={classes.number}>{count(row.usage?.outputTokens)}</td>
      <td className={classes.number} title={row.costUsd === null ? undefined : `$${row.costUsd}`}>
        {briefCostOf(row)}
      </td>
      <td className={classes.number}>{formatDuration(row.latencyMs)}</td>
      <td className={classes.number}>{formatDuration(row.timeToFirstTokenMs)}</td>
    </tr>
  );
});

function count(tokens: number | undefined): string {
  return tokens === undefined ? '–' : formatCount(tokens);
}
