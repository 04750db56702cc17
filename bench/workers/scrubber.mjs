// What the last layer of redaction costs per line of the log.
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { quantile } from '../support/statistics.mjs';

const require = createRequire(import.meta.url);
const { scrubJson, Secret } = require('../../dist/src/common/index.js');

const CALLS = 20_000;
const KNOWN = 1_000;

const REQUEST = {
  level: 30,
  time: 1764000000000,
  pid: 1234,
  hostname: 'keyrun-1',
  req: { method: 'POST', path: '/api/workspaces/0190d8f0-0000-7000-8000-000000000000/executions' },
  requestId: '0190d8f0-0000-7000-8000-000000000001',
  res: { status: 201 },
  responseTime: 412,
  msg: 'request',
};
const KEY = `sk-proj-${randomBytes(60).toString('base64url')}`;
const LINES = {
  'a line of a request': JSON.stringify(REQUEST),
  'a line of 4,000 characters': JSON.stringify({ ...REQUEST, msg: 'word '.repeat(750) }),
  'a line with a key': JSON.stringify({ ...REQUEST, msg: `refused ${KEY}` }),
};

function timeOf(call) {
  const microseconds = new Float64Array(CALLS);
  for (let index = 0; index < CALLS; index += 1) {
    const startedAt = process.hrtime.bigint();
    call();
    microseconds[index] = Number(process.hrtime.bigint() - startedAt) / 1_000;
  }
  return { p50: quantile(microseconds, 0.5), p99: quantile(microseconds, 0.99) };
}

process.once('message', () => {
  for (let index = 0; index < KNOWN; index += 1) new Secret(randomBytes(60).toString('base64url'));
  const secret = new Secret(KEY);
  const calls = Object.entries(LINES).map(([name, line]) => [name, () => scrubJson(line)]);
  calls.push(['seeing a known key again', () => secret.expose()]);
  calls.push(['seeing a new key', () => new Secret(randomBytes(60).toString('base64url'))]);
  for (const [, call] of calls) timeOf(call);
  process.send({
    known: KNOWN,
    rows: calls.map(([name, call]) => ({ name, ...timeOf(call) })),
  });
});
process.once('disconnect', () => process.exit());
