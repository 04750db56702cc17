import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_ROOT, readProjectFile } from './project-files';
import { ATTACKS, faultsOf, type TestTitle, testTitlesIn } from './threat-model';

const DOCUMENT = readProjectFile('docs/threat-model.md');

function titlesOf(path: string): TestTitle[] | null {
  const isTest = /(spec\.ts|\/describe-[\w-]+\.ts)$/.test(path);
  if (!isTest || !existsSync(join(PROJECT_ROOT, path))) return null;
  return testTitlesIn(readProjectFile(path));
}

describe('the threat model', () => {
  it('has a row for every attack, and each test that it names is there', () => {
    expect(faultsOf(DOCUMENT, titlesOf)).toEqual([]);
  });

  const sound = ['| # | Attack | Defence | Proof |', '| --- | --- | --- | --- |']
    .concat(Array.from({ length: ATTACKS }, (_, index) => rowOf(index + 1)))
    .join('\n');
  const known = new Map([
    ['a.spec.ts', testTitlesIn("it('holds', f); it.each(many)('holds against %s here', f);")],
    ['b.spec.ts', testTitlesIn("it('twice', f); it('twice', f); it(`a ${b} c`, f);")],
  ]);
  const faults = (document: string) => faultsOf(document, (path) => known.get(path) ?? null);
  const withProof = (proof: string) => sound.replace(rowOf(7), rowOf(7, proof));

  function rowOf(number: number | string, proof = '`a.spec.ts › holds`', defence = 'A wall.') {
    return `| ${number} | Climb | ${defence} | ${proof} |`;
  }

  it.each([
    ['a whole title', '`a.spec.ts › holds`'],
    ['a part of a pattern', '`a.spec.ts › holds against `'],
    ['a part of a template', '`b.spec.ts › a ${b}`'],
    ['several', '`a.spec.ts › holds`; `a.spec.ts › s here`'],
  ])('takes %s for a proof', (_name, proof) => {
    expect(faults(withProof(proof))).toEqual([]);
  });

  it.each(['open: nobody looked.', 'not built yet: later.', 'A wall. open: low.'])(
    'takes a reason in the place of a proof: %s',
    (defence) => {
      expect(faults(sound.replace(rowOf(7), rowOf(7, '–', defence)))).toEqual([]);
    },
  );

  it.each([
    ['a row that is gone', sound.replace(`${rowOf(7)}\n`, ''), '7: no row'],
    ['a row that is there twice', `${sound}\n${rowOf(80)}`, '80: more than one row'],
    ['a row too many', `${sound}\n${rowOf(81)}`, '81: no such attack'],
    ['a letter that is there twice', `${sound}\n${rowOf('a')}\n${rowOf('a')}`, 'a: more than one'],
    ['another order', sound.replace(rowOf(7), '').concat(`\n${rowOf(7)}`), '7: out of order'],
    ['an empty cell', withProof(''), '7: not four cells'],
    ['neither proof nor reason', withProof('–'), '7: neither'],
    ['words in the place of a proof', withProof('the code is open'), '7: neither'],
    ['a file that is not there', withProof('`c.spec.ts › holds`'), '7: no such file'],
    ['a title that is not there', withProof('`a.spec.ts › falls`'), '7: no such test'],
    ['a part of a plain title', withProof('`b.spec.ts › twic`'), '7: no such test'],
    ['a title that two tests have', withProof('`b.spec.ts › twice`'), '7: no such test'],
    ['a title without a file', withProof('`holds`'), '7: not "file › title"'],
    ['one wrong proof of two', withProof('`a.spec.ts › holds`; `x › y`'), '7: no such file'],
  ])('finds %s', (_name, document, fault) => {
    expect(faults(document)).toEqual(expect.arrayContaining([expect.stringContaining(fault)]));
  });
});
