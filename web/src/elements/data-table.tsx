import { Table } from '@mantine/core';
import type { PropsWithChildren } from 'react';
import classes from './data-table.module.css';

export interface Column {
  readonly label: string;
  /** Figures are aligned at their end. */
  readonly isFigure?: boolean;
  /** Has the whole width of a card. */
  readonly isLong?: boolean;
}

/** The buttons of a row, which need no name. */
export const ACTIONS: Column = { label: 'Actions' };

interface DataTableProps {
  readonly label: string;
  readonly columns: readonly Column[];
  /** Many rows of few words: its cards name no column but those of figures. */
  readonly isDense?: boolean;
}

/**
 * A table, or where it has no room for its columns, a list of cards with the names of the columns in them: nothing
 * is scrolled sideways. The roles say that it still is a table, which not every browser takes from its elements then.
 */
export function DataTable({
  label,
  columns,
  isDense = false,
  children,
}: PropsWithChildren<DataTableProps>) {
  return (
    <div className={classes.frame} data-is-dense={isDense || undefined}>
      <Table className={classes.table} verticalSpacing="sm" role="table" aria-label={label}>
        <Table.Thead role="rowgroup">
          <Table.Tr role="row">
            {columns.map((column) => (
              <Table.Th key={column.label} role="columnheader" data-figure={column.isFigure}>
                {column.label}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody role="rowgroup">{children}</Table.Tbody>
      </Table>
    </div>
  );
}

/** One row: what it is about, then its cells. */
export function DataRow({ children }: PropsWithChildren) {
  return <Table.Tr role="row">{children}</Table.Tr>;
}

/** What a row is about; the title of its card. */
export function RowHeader({ children }: PropsWithChildren) {
  return (
    <Table.Th scope="row" role="rowheader">
      {children}
    </Table.Th>
  );
}

/** A cell of the column. */
export function DataCell({
  column: { label, isFigure, isLong },
  children,
}: PropsWithChildren<{ column: Column }>) {
  return (
    <Table.Td role="cell" data-label={label} data-figure={isFigure} data-is-long={isLong}>
      {children}
    </Table.Td>
  );
}
