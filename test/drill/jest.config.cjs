/** `npm run drill`: everything at its full size, one after the other. `npm test` has the small ones. */
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
