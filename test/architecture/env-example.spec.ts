import { parseEnv } from 'node:util';
import { Environment, ENVIRONMENT_SCHEMA } from '../../src/config';
import { filesBelow, readProjectFile } from './project-files';

interface Entry {
  readonly name: string;
  readonly value: string;
  readonly comment: readonly string[];
}

const TEXT = readProjectFile('.env.example');
const ENTRIES = TEXT.split('\n\n').flatMap(toEntry);

describe('.env.example', () => {
  it('names exactly the variables that are read, in their order', () => {
    expect(ENTRIES.map(({ name }) => name)).toEqual(Object.keys(ENVIRONMENT_SCHEMA.shape));
  });

  it('says of each what it means and what holds without it', () => {
    const silent = ENTRIES.filter(({ comment }) => !/\bDefault\b/.test(comment.join(' ')));
    expect(silent).toEqual([]);
  });

  it('gives the defaults, and no secret', () => {
    expect(Environment.parse(parseEnv(TEXT) as Record<string, string>)).toEqual(
      Environment.parse({}),
    );
    const secret = ENTRIES.filter(({ name }) => /_KEYS?$|TOKEN|DATABASE_URL/.test(name));
    expect(new Set(secret.map(({ value }) => value))).toEqual(new Set(['']));
  });

  it('knows every variable of ours that the sources and the documents name', () => {
    const known = new Set(Object.keys(ENVIRONMENT_SCHEMA.shape));
    const files = [...filesBelow('src', '.ts'), ...filesBelow('docs', '.md')];
    const unknown = files
      .filter(({ path }) => !path.endsWith('.spec.ts') && !path.startsWith('docs/decisions/'))
      .flatMap(({ path, text }) =>
        [...text.matchAll(/\bKEYRUN_[A-Z_]*[A-Z]\b/g)].map(([name]) => `${path} ${name}`),
      )
      .filter((mention) => !known.has(mention.split(' ')[1]!));
    expect(unknown).toEqual([]);
  });
});

/** A paragraph of comment lines and one variable; a variable that must not be empty is commented out. */
function toEntry(paragraph: string): Entry[] {
  const lines = paragraph.trim().split('\n');
  const [, name, value] = /^(?:# )?([A-Z][A-Z_]*)=(.*)$/.exec(lines.at(-1) ?? '') ?? [];
  if (name === undefined || value === undefined) return [];
  const comment = lines.slice(0, -1);
  expect(comment.filter((line) => !line.startsWith('# '))).toEqual([]);
  return [{ name, value, comment }];
}
