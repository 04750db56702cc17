// npm run sbom: writes what the server is made of to reports/bill-of-materials.cdx.json (CycloneDX), from package-lock.json
// alone.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const file = join(root, 'reports', 'bill-of-materials.cdx.json');
/** Peers are not asked for: a library of nest-commander wants an older Nest, and npm would refuse to write anything. */
const words =
  'sbom --sbom-format cyclonedx --sbom-type application --package-lock-only --legacy-peer-deps';

const { status, stdout, stderr } = spawnSync('npm', words.split(' '), {
  cwd: root,
  encoding: 'utf8',
  maxBuffer: 64 * 1024 * 1024,
});
if (status !== 0) {
  process.stderr.write(stderr);
  process.exit(1);
}
const bill = withoutDevelopment(JSON.parse(stdout));
// npm names it after the folder.
bill.metadata.component.name = 'keyrun';
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, `${JSON.stringify(bill, null, 2)}\n`);
console.log(`keyrun: ${bill.components.length} packages, in ${file}`);

/**
 * Not by `--omit dev`, which also leaves out what server and development both use, such as rxjs; nor by npm's mark, which
 * knows one place of several.
 */
function withoutDevelopment({ components, dependencies, ...rest }) {
  const served = servedPackages();
  const kept = components.filter(({ name, version }) => served.has(`${name}@${version}`));
  const refs = new Set([
    rest.metadata.component['bom-ref'],
    ...kept.map((part) => part['bom-ref']),
  ]);
  return {
    ...rest,
    components: kept,
    dependencies: dependencies
      .filter(({ ref }) => refs.has(ref))
      .map(({ ref, dependsOn = [] }) => ({
        ref,
        dependsOn: dependsOn.filter((other) => refs.has(other)),
      })),
  };
}

/** Name and version of every package that is installed with `--omit=dev`. */
function servedPackages() {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const served = Object.entries(packages).filter(([path, { dev }]) => path !== '' && dev !== true);
  return new Set(
    served.map(([path, { version }]) => `${path.split('node_modules/').at(-1)}@${version}`),
  );
}
