import fc from 'fast-check';
import type { UsageRowResponse } from './dto/usage.response';
import { toCsv } from './usage-csv';

/** The cell of a row, as it stands in the file. */
function cellOf(agentId: string): string {
  const file = toCsv(['agentId'], [{ agentId } as UsageRowResponse]);
  return file.slice('agentId\r\n'.length, -'\r\n'.length);
}

/** What a reader of RFC 4180 takes the cell for. */
function valueOf(cell: string): string {
  return cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell;
}

const BLANKS = [
  ' ',
  '\t',
  '\r',
  '\n',
  '\v',
  '\0',
  '\u00a0',
  '\u2003',
  '\u200b',
  '\u3000',
  '\ufeff',
];
const SIGNS = ['=', '+', '-', '@', '＝', '＋', '－', '＠', '﹦', '−'];

describe('a cell of a CSV file', () => {
  it.each(['plain', 'gpt-4o-mini', 'a b', 'a=b', 'ä', '日本', '0.5'])(
    '%j stays as it is',
    (name) => {
      expect(cellOf(name)).toBe(name);
    },
  );

  it.each([
    ['a,b', '"a,b"'],
    ['a"b', '"a""b"'],
    ['a;b', '"a;b"'],
    ['a\tb', '"a\tb"'],
    ['a\r\nb', '"a\r\nb"'],
  ])('%j is quoted', (name, cell) => {
    expect(cellOf(name)).toBe(cell);
  });

  it.each(SIGNS)('that begins with %j is text', (sign) => {
    expect(cellOf(`${sign}1+1`)).toBe(`"'${sign}1+1"`);
  });

  it.each(BLANKS)('that begins with %j is text', (blank) => {
    expect(cellOf(`${blank}=1+1`)).toMatch(new RegExp(`^"'${blank}'?=1\\+1"$`));
  });

  it.each([',', ';', '\t', '|', '\n'])('begins no formula behind %j', (separator) => {
    expect(cellOf(`a${separator} =1+1`)).toBe(`"a${separator}' =1+1"`);
  });

  it('is whole, whatever the name', () => {
    const parts = fc.constantFrom(...BLANKS, ...SIGNS, ',', ';', '"', "'", 'a', '1');
    const names = fc.oneof(
      fc.string(),
      fc.array(parts).map((found) => found.join('')),
    );
    fc.assert(
      fc.property(names, (name) => {
        const value = valueOf(cellOf(name));
        expect(value.replaceAll("'", '')).toBe(name.replaceAll("'", ''));
        expect(value).not.toMatch(/(^|[,;|\t\r\n])[\s\p{Z}\p{Cc}\p{DI}]*[=+\-@＝＋－＠]/u);
      }),
    );
  });
});
