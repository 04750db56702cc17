// Sends the same request over and over, in a process of its own: its work is not the server's.
import { Pool } from 'undici';
import { quantile } from '../support/statistics.mjs';

/** @param request {{ origin, path, headers, body, status, concurrency, durationMs?, count? }} */
async function run({ concurrency, durationMs = Infinity, count = Infinity, ...target }) {
  const pool = new Pool(target.origin, { connections: concurrency, pipelining: 1 });
  const latencies = [];
  let sent = 0;
  let failed = 0;
  const startedAt = performance.now();
  const one = async () => {
    while (sent < count && performance.now() - startedAt < durationMs) {
      sent += 1;
      const sentAt = performance.now();
      const answer = await pool.request({ method: 'POST', ...target });
      await answer.body.arrayBuffer();
      latencies.push(performance.now() - sentAt);
      if (answer.statusCode !== target.status) failed += 1;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, one));
  const seconds = (performance.now() - startedAt) / 1_000;
  await pool.close();
  return {
    count: sent,
    failed,
    perSecond: sent / seconds,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
  };
}

process.on('message', async (request) => process.send(await run(request)));
process.once('disconnect', () => process.exit());
