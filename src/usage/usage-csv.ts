import { UsageRowResponse } from './dto/usage.response';

/** Blanks and characters that are not seen: some spreadsheets drop them and calculate what follows. */
const BLANK = '[\\s\\p{Z}\\p{Cc}\\p{DI}]';
/** What a spreadsheet takes for the beginning of a formula (OWASP, CSV injection), in full width and small too. */
const SIGN = '[=+\\-@＝＋－＠﹦﹢﹣﹫−]';

const BEGINS_AS_FORMULA = new RegExp(`^(?:${SIGN}|${BLANK})`, 'u');
/** What the spreadsheet of a country that separates cells otherwise may take for the end of one. */
const SEPARATOR = /[,;|\t\r\n]/g;
/** Matches whatever follows the gap, so that no gap is looked through twice. */
const GAP_AND_SIGN = new RegExp(`((?:[,;|]|${BLANK})+)(${SIGN}?)`, 'gu');
const NEEDS_QUOTES = /[",;|'\t\r\n]|\s$/;

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
  const inner = value.replace(GAP_AND_SIGN, (both, gap: string, sign: string) =>
    sign === '' ? both : gap.replace(SEPARATOR, `$&'`) + sign,
  );
  const text = BEGINS_AS_FORMULA.test(inner) ? `'${inner}` : inner;
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
