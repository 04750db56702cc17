// Loaded into a server under test with NODE_OPTIONS=--require. The provider `echo` breaks every rule of the contract of
// providers, as the prompt says; with another prompt it works.
const { existsSync } = require('node:fs');
const { join } = require('node:path');

const path = join(
  module.path,
  '..',
  '..',
  '..',
  'dist/src/ai-providers/providers/echo.provider.js',
);

if (existsSync(path) && process.argv[1]?.endsWith('main.js') === true) {
  const { prototype } = require(path).EchoProvider;
  const { execute } = prototype;
  const faults = {
    throws: () => {
      throw new TypeError('before there is a promise');
    },
    'throws-text': () => {
      throw 'not even an error';
    },
    hangs: () => new Promise(() => undefined),
    nothing: () => Promise.resolve(undefined),
    late: (self, params, options) => {
      setTimeout(() => options.onDelta?.({ type: 'text', text: 'after the end' }), 200);
      return execute.call(self, params, options);
    },
  };
  prototype.execute = function (params, options) {
    const fault = faults[params.messages.at(-1).content];
    return fault === undefined ? execute.call(this, params, options) : fault(this, params, options);
  };
}
