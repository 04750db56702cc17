import { join } from 'node:path';
import { filesBelow, PROJECT_ROOT, readProjectFile } from './project-files';
import { type Attack, findAttack } from './regular-expressions/attack';
import { expressionsIn, expressionsMadeBy } from './regular-expressions/expressions-of';

jest.setTimeout(240_000);

/** Expressions that a text could hold up, and why none does. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'src/ai-providers/pricing/usd.ts /0+$/': 'nine digits',
  'web/src/elements/format.ts /0+$/': 'nine digits',
  'src/ai-providers/pricing/token-estimate.ts /\\S{512}|\\s{512}/':
    'at the most 512 steps for a character, of 200,000 characters',
};

const FILES = [
  ...filesBelow('src', '.ts'),
  ...filesBelow('web/src', '.ts'),
  ...filesBelow('web/src', '.tsx'),
]
  .concat(filesBelow('migrations', '.ts'))
  .filter(({ path }) => !/\.spec\.ts$|\/testing\//.test(path));

describe('the regular expressions of the sources', () => {
  it('cost no more than in proportion to the text, whatever it is', () => {
    const slow = FILES.flatMap(({ path, text }) =>
      expressionsIn(path, text).literals.flatMap((expression) => faultOf(path, expression)),
    );
    expect(slow).toEqual([]);
  });

  it('also those that are made when a file is loaded, and none is made later', () => {
    const makers = FILES.filter(({ path, text }) => expressionsIn(path, text).made > 0);
    expect(makers.length).toBeGreaterThan(3);
    const slow = makers.flatMap(({ path, text }) => {
      const made = expressionsMadeBy(join(PROJECT_ROOT, path));
      if (made.length < expressionsIn(path, text).made) return [`${path}: makes one later`];
      return made.flatMap((expression) => faultOf(path, expression));
    });
    expect(slow).toEqual([]);
  });

  it('has a reason for every exception, and no exception for nothing', () => {
    const unused = Object.keys(EXCEPTIONS).filter((exception) => {
      const [path = ''] = exception.split(' ');
      const made = path.startsWith('src/') ? expressionsMadeBy(join(PROJECT_ROOT, path)) : [];
      const all = [...expressionsIn(path, readProjectFile(path)).literals, ...made];
      return !all.some((expression) => exception === `${path} ${String(expression)}`);
    });
    expect(unused).toEqual([]);
  });

  function faultOf(path: string, expression: RegExp): string[] {
    const name = `${path} ${String(expression)}`;
    if (name in EXCEPTIONS) return [];
    const attack = findAttack(expression);
    return attack === null ? [] : [`${name}: ${describeAttack(attack)}`];
  }

  it.each([
    /^(a+)+$/,
    /^(a|a)*$/,
    /^(\w+\s?)*$/,
    /^(?:a|[ab])*c$/,
    /\s+$/,
    /^.*?,.*?,.*?!$/,
    /(?<=(?:a+)+)b/,
    /^(?!.*\b(\w+)\b.*\b\1\b)x/,
    /^x(?:\d+|\d+\.)*$/,
    /<script[^]*<\/script>/i,
  ])('are found out if they are slow: %s', (expression) => {
    expect(findAttack(expression)).not.toBeNull();
  });

  it.each([
    /^(?:a|b)*c$/,
    /^[\w.-]+(\/[\w.-]+)*$/,
    /^\d{4}-\d{2}$/,
    /^(?=.{1,40}$)(?!.*\b(\w+)\b.*\b\1\b)x/,
    /(?<![\w-])sk-[\w-]{16,}/,
    /\S+\s*|\s+/g,
    /^([a-z]+),\1$/,
    /[\p{Cs}\0]/u,
  ])('pass if they are not: %s', (expression) => {
    expect(findAttack(expression)).toBeNull();
  });

  it('reads literals of every form', () => {
    const found = expressionsIn('x.ts', 'const a = /a\\/[/]b/giu; new RegExp("x"); RegExp("y");');
    expect(found).toEqual({ literals: [/a\/[/]b/giu], made: 2 });
    expect(
      expressionsIn(
        'spec.ts',
        readProjectFile(`${__dirname.slice(PROJECT_ROOT.length + 1)}/threat-model.ts`),
      ).literals.length,
    ).toBeGreaterThan(5);
  });
});

function describeAttack({ text, steps }: Attack): string {
  return `${steps.join(' steps, then ')} for ${JSON.stringify(text.slice(0, 40))}…${JSON.stringify(text.slice(-2))}`;
}
