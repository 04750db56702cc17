const base = require('../../jest.config.cjs');

module.exports = {
  ...base,
  rootDir: '../..',
  testRegex: 'test/mutation/every-vault-spec\\.ts$',
  // The unit specs of the vault need no database.
  globalSetup: undefined,
  globalTeardown: undefined,
  maxWorkers: 1,
};
