import ts from 'typescript';
import type { ProjectFile } from './project-files';

/** What is wrong and where, as one line that says what to do instead. */
export type Finding = string;

/** A rule of the house about one file, with a text that breaks it: what cannot fail proves nothing. */
export interface TidyRule {
  readonly name: string;
  readonly appliesTo: (path: string) => boolean;
  readonly find: (file: ProjectFile) => readonly Finding[];
  readonly offence: ProjectFile;
}

const FUNCTION_LINES_MAX = 70;
const CONSTRUCTOR_PARAMETERS_MAX = 5;

/** The longest that a file may be, in lines. */
export function lineLimit(path: string): number {
  if (/\.((e2e|ui)-)?spec\.ts$/.test(path)) return 400;
  return path.endsWith('.provider.ts') ? 150 : 250;
}

const always = () => true;
const isProduction = (path: string) =>
  /^(src|migrations|web)\//.test(path) && !/\.spec\.ts$|\/testing\//.test(path);

/** Pieces of text that have no place here, each with what to do instead. */
const BANNED_TEXT: readonly (readonly [pattern: RegExp, instead: string, offence: string])[] = [
  [
    /eslint-disable/,
    'fix the finding, or change eslint.config.mjs with a reason',
    'eslint-disable',
  ],
  [/@ts-(ignore|nocheck|expect-error)/, 'make the types true', '// @ts-ignore'],
  [/\bforwardRef\b/, 'cut the cycle', 'forwardRef(() => A)'],
  [/\b(it|test|describe)\.(only|skip)\(/, 'run every test', 'it.only('],
  [/\b(fit|fdescribe|xit|xdescribe|xtest)\(/, 'run every test', 'xit('],
  [/\b(TODO|FIXME|HACK)\b/, 'do it, or file an issue', '// TODO'],
  [/\bmaster key\b/i, 'root key', 'the master key'],
  [/\bsynchronize: true/, 'write a migration', 'synchronize: true'],
];

/** Words that no name of ours contains, each with the word to write. */
const BANNED_WORDS: Readonly<Record<string, string>> = {
  arg: 'argument',
  args: 'arguments',
  arr: 'what it lists',
  btn: 'button',
  cb: 'callback',
  cfg: 'configuration',
  conf: 'configuration',
  ctx: 'context',
  curr: 'current',
  db: 'database',
  dir: 'directory',
  err: 'error',
  fn: 'what it does',
  helper: 'what it does',
  idx: 'index',
  impl: 'what makes it different',
  manager: 'what it does',
  msg: 'message',
  num: 'number',
  obj: 'what it is',
  opts: 'options',
  prev: 'previous',
  pwd: 'password',
  req: 'request',
  res: 'response',
  str: 'text',
  temp: 'what it holds',
  tmp: 'what it holds',
  util: 'what it does',
  utils: 'what they do',
  val: 'value',
};

/** TypeORM's names, a field of the Wycheproof vectors, and a name that is part of the contract. */
const NAMES_OF_OTHERS = new Set(['manager', 'entityManager', 'msg', 'ApiKeyManager']);

const textRules = BANNED_TEXT.map(([pattern, instead, offence]): TidyRule => ({
  name: `no ${pattern.source}: ${instead}`,
  appliesTo: (path) => !path.startsWith('test/architecture/tidy'),
  find: ({ text }) =>
    text
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`line ${index + 1}: ${instead}`] : [])),
  offence: { path: 'src/sample.ts', text: `const a = 1;\n${offence}\n` },
}));

/** Every rule of the house about one file, but for its length. */
export const TIDY_RULES: readonly TidyRule[] = [
  ...textRules,
  {
    name: 'a file is called what it is',
    appliesTo: always,
    find: ({ path }) =>
      /(^|[/.-])(utils?|helpers?|shared|core|managers?|misc|common\.ts)([/.-]|$)/.test(path)
        ? ['name it after what is in it']
        : [],
    offence: { path: 'src/executions/date-utils.ts', text: '' },
  },
  {
    name: 'process.env is read in src/config only',
    appliesTo: (path) => isProduction(path) && !path.startsWith('src/config/'),
    find: ({ text }) =>
      /process\.env\b|process\[['"]env/.test(text) ? ['inject Environment'] : [],
    offence: { path: 'src/a.ts', text: 'const port = process.env.PORT;' },
  },
  {
    name: 'own code is imported at the top',
    // A page of the UI is imported late so that it is loaded late.
    appliesTo: (path) => isProduction(path) && !path.startsWith('web/'),
    find: ({ text }) =>
      /\bimport\(\s*['"`]\.{1,2}\//.test(text) ? ['a late import hides a cycle'] : [],
    offence: { path: 'src/a.ts', text: "await import('./b')" },
  },
  nodeRule('a function has at most 70 lines', isProduction, {
    look: (node, source) => {
      if (!ts.isFunctionLike(node)) return null;
      const lines = lineOf(source, node.getEnd()) - lineOf(source, node.getStart(source)) + 1;
      return lines > FUNCTION_LINES_MAX ? `${lines} lines: split it` : null;
    },
    offence: `function long() {\n${'  work();\n'.repeat(FUNCTION_LINES_MAX)}}`,
  }),
  nodeRule('a constructor takes at most 5 dependencies', isProduction, {
    look: (node) =>
      ts.isConstructorDeclaration(node) && node.parameters.length > CONSTRUCTOR_PARAMETERS_MAX
        ? `${node.parameters.length} dependencies: split the class`
        : null,
    offence: 'class A { constructor(a1: B, a2: B, a3: B, a4: B, a5: B, a6: B) {} }',
  }),
  nodeRule('no any', always, {
    look: (node) =>
      node.kind === ts.SyntaxKind.AnyKeyword ? 'unknown, or the type that it has' : null,
    offence: 'const value: any = 1;',
  }),
  nodeRule('names are whole words', always, {
    look: (node) => {
      const name = declaredName(node);
      if (name === null || NAMES_OF_OTHERS.has(name)) return null;
      if (/^[a-zA-Z]$/.test(name)) return `${name}: say what it is`;
      const word = wordsOf(name).find((candidate) => Object.hasOwn(BANNED_WORDS, candidate));
      return word === undefined ? null : `${name}: not ${word} but ${BANNED_WORDS[word]!}`;
    },
    offence: 'const retryOpts = {};',
  }),
];

function nodeRule(
  name: string,
  appliesTo: TidyRule['appliesTo'],
  rule: {
    look: (node: ts.Node, source: ts.SourceFile) => Finding | null;
    offence: string;
  },
): TidyRule {
  const find = ({ path, text }: ProjectFile): Finding[] => {
    const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    const findings: Finding[] = [];
    const visit = (node: ts.Node) => {
      const finding = rule.look(node, source);
      if (finding !== null) {
        findings.push(`line ${lineOf(source, node.getStart(source))}: ${finding}`);
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
    return findings;
  };
  return { name, appliesTo, find, offence: { path: 'src/sample.ts', text: rule.offence } };
}

function lineOf(source: ts.SourceFile, position: number): number {
  return source.getLineAndCharacterOfPosition(position).line + 1;
}

/** The name that a declaration of ours gives; keys of an object literal may be somebody else's. */
function declaredName(node: ts.Node): string | null {
  const gives =
    ts.isVariableDeclaration(node) ||
    ts.isParameter(node) ||
    ts.isFunctionDeclaration(node) ||
    ts.isClassDeclaration(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isPropertyDeclaration(node) ||
    ts.isPropertySignature(node) ||
    ts.isBindingElement(node);
  if (!gives || node.name === undefined) return null;
  if (ts.isBindingElement(node) && node.propertyName === undefined) return null;
  return ts.isIdentifier(node.name) || ts.isPrivateIdentifier(node.name)
    ? node.name.text.replace(/^[#_]+/, '')
    : null;
}

/** `retryDelayMs` → retry, delay, ms. */
function wordsOf(name: string): string[] {
  return name
    .split(/_|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/)
    .map((word) => word.toLowerCase());
}
