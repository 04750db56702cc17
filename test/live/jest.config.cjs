/** `npm run test:live`: real keys, real money (a few tokens). Not part of `npm test`. */
module.exports = {
  ...require('../../jest.config.cjs'),
  rootDir: '../..',
  roots: ['<rootDir>/test/live'],
  testRegex: '\\.live-spec\\.ts$',
  testTimeout: 120_000,
};
