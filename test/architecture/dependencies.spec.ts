import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { filesBelow, PROJECT_ROOT, readProjectFile } from './project-files';

/** Part of a bill of materials (CycloneDX 1.5). */
interface Component {
  readonly name: string;
  readonly version: string;
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
  readonly licenses?: readonly {
    readonly license?: { readonly id: string };
    readonly expression?: string;
  }[];
}

/** Ceilings, of which the first is ours to keep. Think of what a library brings along before you raise one. */
const DIRECT_MAX = 30;
const ALL_MAX = 310;
/** They ask for their name to be kept, and for nothing of whoever uses them. */
const LICENCES = [
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
  'Python-2.0',
  'Unlicense',
];
/** MIT by the text in the package, which names it in a form that npm does not read. */
const MIT_BY_THEIR_TEXT = ['busboy', 'streamsearch'];

const direct = Object.keys(
  (JSON.parse(readProjectFile('package.json')) as { dependencies: Record<string, string> })
    .dependencies,
);

const lock = JSON.parse(readProjectFile('package-lock.json')) as {
  packages: Readonly<Record<string, { version: string; dev?: boolean; peer?: boolean }>>;
};

describe('what the server is made of', () => {
  let components: readonly Component[];

  beforeAll(() => {
    const script = join(PROJECT_ROOT, 'scripts', 'bill-of-materials.mjs');
    const made = spawnSync(process.execPath, [script], { encoding: 'utf8' });
    expect(made).toMatchObject({ status: 0, stderr: '' });
    const bill = readProjectFile('reports/bill-of-materials.cdx.json');
    ({ components } = JSON.parse(bill) as { components: Component[] });
  });

  it('is written down, each package with its digest', () => {
    expect(components.map(({ name }) => name)).toEqual(expect.arrayContaining(direct));
    const unproved = components.filter(({ hashes }) => hashes?.[0]?.alg !== 'SHA-512');
    expect(unproved.map(({ name }) => name)).toEqual([]);
    expect(components.map(({ name }) => name)).not.toContain('jest');
    const listed = new Set(components.map(({ name, version }) => `${name}@${version}`));
    const forgotten = Object.entries(lock.packages)
      .filter(([path, { dev, peer }]) => path !== '' && dev !== true && peer !== true)
      .map(([path, { version }]) => `${path.split('node_modules/').at(-1)!}@${version}`)
      .filter((name) => !listed.has(name));
    expect(forgotten).toEqual([]);
  });

  it('is no more than it has to be', () => {
    expect(direct.length).toBeLessThanOrEqual(DIRECT_MAX);
    expect(components.length).toBeLessThanOrEqual(ALL_MAX);
  });

  it('has a reason in docs/decisions for each library that we chose', () => {
    const decisions = filesBelow('docs/decisions', '.md').map(({ text }) => text);
    const unexplained = direct.filter(
      (name) => !decisions.some((text) => text.includes(`\`${name}\``)),
    );
    expect(unexplained).toEqual([]);
  });

  it('is under licences that ask for nothing but their name', () => {
    const others = components
      .filter(
        ({ name, licenses = [] }) => !isAllowed(licenses) && !MIT_BY_THEIR_TEXT.includes(name),
      )
      .map(({ name, licenses }) => `${name}: ${JSON.stringify(licenses)}`);
    expect(others).toEqual([]);
  });

  it.each([
    ['none', []],
    ['a copyleft one', [{ license: { id: 'GPL-3.0-only' } }]],
    ['one of several that all hold', [{ expression: '(MIT AND GPL-3.0-only)' }]],
    ['a sentence', [{ license: { id: 'SEE LICENSE IN LICENSE' } }]],
  ])('and would not be under %s', (_what, licenses) => {
    expect(isAllowed(licenses)).toBe(false);
  });

  it('may be under any one of several, of which we choose', () => {
    expect(isAllowed([{ expression: '(MIT OR CC0-1.0)' }])).toBe(true);
  });
});

function isAllowed(licenses: NonNullable<Component['licenses']>): boolean {
  const names = licenses.map(({ license, expression }) => expression ?? license?.id ?? '');
  return (
    names.length > 0 &&
    names.every((name) =>
      name
        .replace(/^\((.*)\)$/, '$1')
        .split(' OR ')
        .some((choice) => LICENCES.includes(choice)),
    )
  );
}
