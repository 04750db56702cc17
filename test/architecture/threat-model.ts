import ts from 'typescript';

/** The title of a test; a pattern stands for many, as that of `it.each` does. */
export interface TestTitle {
  readonly text: string;
  readonly isPattern: boolean;
}

export const ATTACKS = 80;

const HEAD = /^\| *# *\|/;
const REASON = /(^|[.;] |\| )(open|not built yet|not applicable)\b[^:|]*: \S/;

/** The title of every test in a file, in order. */
export function testTitlesIn(text: string): TestTitle[] {
  const source = ts.createSourceFile('spec.ts', text, ts.ScriptTarget.Latest, true);
  const titles: TestTitle[] = [];
  const visit = (node: ts.Node) => {
    if (ts.isCallExpression(node)) {
      const called = node.expression.getText(source);
      const [title] = node.arguments;
      if (/^(it|test)\b/.test(called) && title !== undefined) {
        if (ts.isStringLiteralLike(title)) {
          titles.push({ text: title.text, isPattern: called.includes('.each') });
        } else if (ts.isTemplateExpression(title)) {
          titles.push({ text: title.getText(source).slice(1, -1), isPattern: true });
        }
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return titles;
}

/**
 * What is wrong with the document, one line each.
 * @param titlesOf - the tests of a file; null: there is no such file.
 */
export function faultsOf(
  document: string,
  titlesOf: (path: string) => readonly TestTitle[] | null,
): string[] {
  const rows = document
    .split('\n')
    .filter((line) => line.startsWith('|') && !HEAD.test(line) && !/^\|[ |:-]+$/.test(line));
  const numbers = rows.map((row) => /^\| *(\S+) *\|/.exec(row)?.[1] ?? '');
  const repeated = numbers.filter((number, index) => numbers.indexOf(number) !== index);
  const expected = Array.from({ length: ATTACKS }, (_, index) => String(index + 1));
  const given = numbers.filter((number) => /^\d+$/.test(number));
  return [
    ...expected.filter((number) => !numbers.includes(number)).map((number) => `${number}: no row`),
    ...repeated.map((number) => `${number}: more than one row`),
    ...given
      .filter((number) => !expected.includes(number))
      .map((number) => `${number}: no such attack`),
    ...given
      .filter((number, index) => index > 0 && Number(number) <= Number(given[index - 1]))
      .map((number) => `${number}: out of order`),
    ...rows.flatMap((row, index) =>
      faultsOfRow(row, titlesOf).map((fault) => `${numbers[index]!}: ${fault}`),
    ),
  ];
}

function faultsOfRow(
  row: string,
  titlesOf: (path: string) => readonly TestTitle[] | null,
): string[] {
  const cells = row.split('|').map((cell) => cell.trim());
  if (cells.length !== 6 || cells.slice(1, 5).includes('')) return ['not four cells with words'];
  const proofs = [...cells[4]!.matchAll(/`([^`]*)`/g)].map(([, proof = '']) => proof);
  if (proofs.length === 0) return REASON.test(row) ? [] : ['neither a proof nor a reason'];
  return proofs.flatMap((proof) => {
    const [path = '', title, ...rest] = proof.split(' › ');
    if (title === undefined || rest.length > 0) return [`not "file › title": ${proof}`];
    const titles = titlesOf(path);
    if (titles === null) return [`no such file: ${path}`];
    return isOneOf(titles, title) ? [] : [`no such test, or several: ${proof}`];
  });
}

/** A whole title, or a part that only one pattern has. */
function isOneOf(titles: readonly TestTitle[], title: string): boolean {
  if (titles.filter(({ text }) => text === title).length === 1) return true;
  const like = titles.filter(({ text, isPattern }) => isPattern && text.includes(title));
  return like.length === 1 && title.length > 2;
}
