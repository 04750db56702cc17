// Loaded into a server under test with NODE_OPTIONS=--require. At each SIGHUP the next of the faults happens.
const text = process.env.KEYRUN_TEST_FAULT_TEXT ?? '';

class Unforeseen extends Error {
  name = 'Unforeseen';
}

function failure() {
  const error = new Unforeseen(`it was ${text}\n    at ${text} (${text}:1:1)`, {
    cause: new Error(text),
  });
  return Object.assign(error, { code: 'E_UNFORESEEN', headers: { authorization: text } });
}

const unreadable = () =>
  new Proxy(failure(), {
    get: () => {
      throw new Error(text);
    },
  });

const FAULTS = {
  // A library that prints whatever it sees.
  careless: () => {
    console.log('a library: %s', text);
    console.error(failure());
    process.stdout.write(Buffer.from(`bytes: ${text}\n`));
    process.stderr.write(`https://host/?key=${encodeURIComponent(text)}\n`, 'utf8');
    process.stderr.write(`Basic ${Buffer.from(`user:${text}`).toString('base64')}\n`);
    process.emitWarning(`a warning about ${text}`, { detail: text });
    module.require('node:util').debuglog('careless')('%o', { text });
    console.log('a careless library was here');
  },
  exception: () => {
    throw failure();
  },
  rejection: () => Promise.reject(failure()),
  text: () => {
    throw text;
  },
  unreadable: () => Promise.reject(unreadable()),
  twice: () => {
    setTimeout(FAULTS.rejection, 0);
    throw failure();
  },
};

const faults = (process.env.KEYRUN_TEST_FAULT ?? '').split(',').map((name) => FAULTS[name]);
process.on('SIGHUP', () => setTimeout(faults.shift(), 0));
