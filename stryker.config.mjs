// npm run mutation: does a unit spec of the vault notice when one operator, literal or statement changes?
// One file: VAULT_SPECS=envelope npm run mutation -- --mutate src/crypto/envelope.ts
/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  mutate: [
    'src/crypto/**/*.ts',
    '!src/crypto/**/*.spec.ts',
    '!src/crypto/testing/**',
    // Statements on a real database, which the specs of test/integration prove there.
    '!src/crypto/data-key.entity.ts',
    '!src/crypto/postgres-data-key.store.ts',
    '!src/crypto/rotation/data-key-rotation.ts',
    '!src/crypto/rotation/key-inspection.ts',
    '!src/crypto/rotation/map-concurrently.ts',
    '!src/crypto/rotation/root-key-rewrap.ts',
    '!src/crypto/rotation/rotation.store.ts',
  ],
  testRunner: 'jest',
  testRunnerNodeArgs: ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
  jest: { configFile: 'test/mutation/jest.config.cjs', enableFindRelatedTests: false },
  coverageAnalysis: 'perTest',
  concurrency: 1,
  // A busy machine must not be taken for a mutant that never ends.
  timeoutMS: 30_000,
  ignorePatterns: ['data', 'dist', 'coverage', 'bench', 'docs'],
  tempDirName: '.stryker-tmp',
  reporters: ['clear-text', 'progress-append-only', 'html', 'json'],
  htmlReporter: { fileName: 'coverage/mutation.html' },
  jsonReporter: { fileName: 'coverage/mutation.json' },
  thresholds: { high: 95, low: 90, break: 90 },
};
