// One provider call through our transport against the same call through the global fetch.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
require('reflect-metadata');
const {
  OutboundPolicy,
  ProviderTransport,
} = require('../../dist/src/ai-providers/transport/index.js');

const CALLS = 400;
const CONCURRENCY = 8;

async function cpuPerCall(call) {
  const before = process.cpuUsage();
  let left = CALLS;
  const one = async () => {
    while (left > 0) {
      left -= 1;
      await call();
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, one));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / CALLS;
}

process.once('message', async ({ host, body, rounds }) => {
  const policy = new OutboundPolicy({ customBaseUrl: 'allowlist', allowedHosts: [host] });
  const transport = new ProviderTransport({ policy });
  const url = `http://${host}/v1/chat/completions`;
  const request = {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', authorization: 'Bearer sk-bench' },
  };
  const calls = {
    transport: () =>
      transport.call({ timeoutMs: 60_000 }, async ({ fetchOptions }) =>
        (await transport.fetch(url, { ...request, ...fetchOptions })).json(),
      ),
    fetch: async () => (await fetch(url, request)).json(),
  };
  const results = { transport: [], fetch: [] };
  for (const call of Object.values(calls)) for (let i = 0; i < 3; i += 1) await cpuPerCall(call);
  for (let round = 0; round < rounds; round += 1) {
    const order = round % 2 === 0 ? ['transport', 'fetch'] : ['fetch', 'transport'];
    for (const name of order) results[name].push(await cpuPerCall(calls[name]));
  }
  await transport.close();
  process.send(results);
});
process.once('disconnect', () => process.exit());
