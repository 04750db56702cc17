/** `npm run drill`: everything at its full size, one after the other. `npm test` has the small ones. */
// Every file repeats its part of the run at the same seed.
process.env.KEYRUN_DRILL_SEED ??= String(Math.floor(Math.random() * 2 ** 31));

module.exports = {
  ...require('../../jest.config.cjs'),
  rootDir: '../..',
  roots: ['<rootDir>/test/drill'],
  testRegex: '\\.drill-spec\\.ts$',
  globalSetup: undefined,
  globalTeardown: undefined,
  maxWorkers: 1,
  testTimeout: 300_000,
};
