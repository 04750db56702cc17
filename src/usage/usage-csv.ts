import { UsageRowResponse } from './dto/usage.response';

/** What a spreadsheet takes for the beginning of a formula (OWASP, CSV injection). */
const FORMULA = /^[=+\-@\t\r]/;

/**
 * RFC 4180, with a heading. A cell that a spreadsheet would calculate gets an apostrophe in front: names of
 * agents and models are whatever a caller sent.
 */
export function toCsv(columns: readonly string[], rows: readonly UsageRowResponse[]): string {
  const lines = rows.map((row) =>
    columns.map((column) =>
      toCell((row as unknown as Record<string, string | number | null>)[column] ?? null),
    ),
  );
  return [columns, ...lines].map((cells) => `${cells.join(',')}\r\n`).join('');
}

function toCell(value: string | number | null): string {
  if (typeof value !== 'string') return value === null ? '' : String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return text !== value || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
