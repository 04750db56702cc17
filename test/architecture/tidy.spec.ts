import { join } from 'node:path';
import ts from 'typescript';
import { filesBelow, PROJECT_ROOT, type ProjectFile, readProjectFile } from './project-files';
import { lineLimit, TIDY_RULES } from './tidy-rules';

/**
 * The ratchet: files over their limit that are known, with their length. A number may only go down, and
 * an entry leaves when the file fits.
 */
const KNOWN_LENGTHS: Readonly<Record<string, number>> = {};

/** Written by a generator from the OpenAPI document, for the compiler only. */
const GENERATED = 'web/src/client/';

const FILES: readonly ProjectFile[] = [
  { path: 'ormconfig.ts', text: readProjectFile('ormconfig.ts') },
  ...['src', 'migrations', 'test'].flatMap((folder) => filesBelow(folder, '.ts')),
  ...['.ts', '.tsx', '.mjs'].flatMap((ending) =>
    filesBelow('web', ending).filter(({ path }) => !path.startsWith(GENERATED)),
  ),
  ...filesBelow('scripts', '.mjs'),
];

describe('the house rules', () => {
  it('see the whole project', () => {
    expect(FILES.length).toBeGreaterThan(200);
  });

  it('keep files short', () => {
    const tooLong = FILES.map(({ path, text }) => ({ path, lines: lengthOf(text) })).filter(
      ({ path, lines }) => lines > (KNOWN_LENGTHS[path] ?? lineLimit(path)),
    );
    expect(tooLong).toEqual([]);
  });

  it('only tighten: a known length is the length of today', () => {
    const loose = Object.entries(KNOWN_LENGTHS).filter(
      ([path, lines]) => lengthOf(readProjectFile(path)) < lines || lines <= lineLimit(path),
    );
    expect(loose).toEqual([]);
  });

  it('limit a file by what it is', () => {
    expect(lineLimit('src/executions/executions.service.ts')).toBe(250);
    expect(lineLimit('src/executions/executions.service.spec.ts')).toBe(400);
    expect(lineLimit('src/ai-providers/providers/openai.provider.ts')).toBe(150);
  });

  describe.each(TIDY_RULES)('$name', ({ appliesTo, find, offence }) => {
    it('holds', () => {
      const findings = FILES.filter(({ path }) => appliesTo(path)).flatMap((file) =>
        find(file).map((finding) => `${file.path} ${finding}`),
      );
      expect(findings).toEqual([]);
    });

    it('can fail', () => {
      expect(appliesTo(offence.path)).toBe(true);
      expect(find(offence)).toHaveLength(1);
    });
  });

  it('document everything that a module offers', () => {
    const undocumented = filesBelow('src', '/index.ts')
      .filter(({ path }) => path.split('/').length === 3)
      .flatMap(({ path }) => undocumentedExports(path));
    expect(undocumented).toEqual([]);
  });
});

function lengthOf(text: string): number {
  return text.split('\n').length - 1;
}

const program = createProgram();

function createProgram(): ts.Program {
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined };
  const settings = ts.getParsedCommandLineOfConfigFile(
    join(PROJECT_ROOT, 'tsconfig.json'),
    {},
    host,
  );
  const indexes = filesBelow('src', '/index.ts').map(({ path }) => join(PROJECT_ROOT, path));
  return ts.createProgram(indexes, settings?.options ?? {});
}

function undocumentedExports(path: string): string[] {
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(join(PROJECT_ROOT, path));
  const module = source && checker.getSymbolAtLocation(source);
  if (module === undefined) throw new Error(`${path} exports nothing`);
  return checker
    .getExportsOfModule(module)
    .map((symbol) =>
      (symbol.flags & ts.SymbolFlags.Alias) === 0 ? symbol : checker.getAliasedSymbol(symbol),
    )
    .filter((symbol) => symbol.getDocumentationComment(checker).length === 0)
    .map((symbol) => `${path} ${symbol.name}`);
}
