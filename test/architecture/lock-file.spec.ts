import { readProjectFile } from './project-files';

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly inBundle?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface PackageFile {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

const { packages } = JSON.parse(readProjectFile('package-lock.json')) as {
  packages: Readonly<Record<string, LockedPackage>>;
};
const INSTALLED = Object.entries(packages).filter(([path]) => path !== '');

describe('package-lock.json', () => {
  it('names no registry, so that npm ci works with any', () => {
    const bound = INSTALLED.filter(([, entry]) => entry.resolved !== undefined);
    expect(bound.map(([path]) => path)).toEqual([]);
  });

  it('proves every package by its digest', () => {
    const unproved = INSTALLED.filter(
      ([, entry]) => entry.integrity === undefined && entry.inBundle !== true,
    );
    expect(unproved.map(([path]) => path)).toEqual([]);
  });

  it('has an entry for every optional package: without one, npm ci refuses on other platforms', () => {
    const missing = Object.entries(packages).flatMap(([path, entry]) =>
      Object.keys(entry.optionalDependencies ?? {})
        .filter((name) => !isLocked(path, name))
        .map((name) => `${path} needs ${name}`),
    );
    expect(missing).toEqual([]);
  });

  it('and package.json give the same exact versions', () => {
    const file = JSON.parse(readProjectFile('package.json')) as PackageFile;
    const wanted = { ...file.dependencies, ...file.devDependencies, ...file.optionalDependencies };
    const different = Object.entries(wanted).filter(
      ([name, version]) => packages[`node_modules/${name}`]?.version !== version,
    );
    expect(different).toEqual([]);
  });
});

/** Whether Node would find the package from that place: beside it, or in a folder above. */
function isLocked(path: string, name: string): boolean {
  for (let place = path; ; place = place.replace(/(^|\/)node_modules\/(@[^/]+\/)?[^/]+$/, '')) {
    if (Object.hasOwn(packages, `${place === '' ? '' : `${place}/`}node_modules/${name}`))
      return true;
    if (place === '') return false;
  }
}
