/** `npm run test:ui`: the built server in a browser. Needs Chromium; not part of `npm test`. */
module.exports = {
  ...require('../../jest.config.cjs'),
  rootDir: '../..',
  roots: ['<rootDir>/test/ui'],
  testRegex: '\\.ui-spec\\.ts$',
  transform: { '^.+\\.ts$': ['ts-jest', { tsconfig: 'test/ui/tsconfig.json' }] },
  globalSetup: '<rootDir>/test/ui/support/global-setup.ts',
  globalTeardown: undefined,
  maxWorkers: 1,
  testTimeout: 120_000,
};
