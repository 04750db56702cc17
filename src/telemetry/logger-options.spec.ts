import { Writable } from 'node:stream';
import { inspect } from 'node:util';
import * as fc from 'fast-check';
import pino from 'pino';
import pinoHttp from 'pino-http';
import { Secret } from '../common';
import { Environment } from '../config';
import { loggerOptions } from './logger-options';

/** The same inputs at each run. */
const SEED = 20_261_124;
const lines: string[] = [];
const sink = new Writable({
  write(chunk: Buffer, _encoding, done) {
    lines.push(chunk.toString());
    done();
  },
});
const options = loggerOptions(Environment.parse({ LOG_LEVEL: 'trace' }));
const { logger } = pinoHttp(options, sink);

function logged(log: () => void): string {
  lines.length = 0;
  log();
  return lines.join('');
}

const SECRETS = [
  'sk-proj-CANARY0123456789abcdefghij',
  'gateway-key-"canary-4711"\\of+a/team=?&%25',
  'postgres://keyrun:canary-0815-canary@db/keyrun',
];

/** All ways of a careless library to log. */
const CARELESS: readonly ((secret: string, text: string) => void)[] = [
  (secret, text) => {
    logger.trace(text + secret + text);
  },
  (secret, text) => {
    logger.error(new Error(text + secret));
  },
  (secret, text) => {
    logger.warn(
      { err: Object.assign(new Error(secret), { [secret]: secret }), text },
      'failed: %s',
      secret,
    );
  },
  (secret, text) => {
    logger.info({ request: { headers: { 'x-other': [text, secret] } } });
  },
  (secret, text) => {
    logger.debug('%o', { secret: { text, secret } });
  },
  (secret) => {
    logger.child({ secret }).fatal({ body: JSON.stringify({ secret }) });
  },
  (secret, text) => {
    logger.error(inspect(new Error(text, { cause: { secret } }), { depth: null }));
  },
  (secret, text) => {
    logger.info({ url: `https://host/${encodeURIComponent(secret)}?${text}`, [secret]: 1 });
  },
];

describe('the log', () => {
  it('loses secrets at the sink, whatever a library logs, and stays one line of JSON per event', () => {
    const text = fc.string({ unit: 'binary', maxLength: 30 });
    for (const secret of SECRETS) new Secret(secret);
    fc.assert(
      fc.property(
        fc.constantFrom(...SECRETS),
        fc.constantFrom(...CARELESS),
        text,
        (secret, log, noise) => {
          const output = logged(() => {
            log(secret, noise);
          });
          expect(output).toMatch(/^[^\n]+\n$/);
          const line = JSON.stringify(JSON.parse(output));
          expect(line).not.toMatch(/canary[-0]/i);
        },
      ),
      { seed: SEED, numRuns: 400 },
    );
  });

  it('would show them without its last layer', () => {
    const bare = pino({ level: 'trace' }, sink);
    const output = logged(() => {
      bare.info(SECRETS[0]);
    });
    expect(output).toContain(SECRETS[0]);
  });
});
