import { Client } from 'pg';
import { until } from '../../process/server-process';
import type { DrillSite, Node, RunOptions } from '../support/drill-site';
import { auditedClean, type Finding, inWords, onSite, toldInWords } from '../support/scenario';

/** More readers than a server has connections. */
const READERS = 40;
const CONNECTIONS = 20;
/** Of those that are refused by a locked ledger, for the queue. */
const QUEUED = 5;
const BUSY_MS = 9_000;
/** Row 9: a start waits no longer while no connection gets an answer. */
const REFUSED_WITHIN_MS = 1_500;
const REFUSED = `SELECT FROM agent_executions WHERE agent_id LIKE 'refused-%' AND status = 'failed'`;
const WAITING = `
  SELECT FROM pg_stat_activity
   WHERE application_name = 'keyrun' AND wait_event_type = 'Lock' AND state = 'active'`;

/** Every connection of a server is busy for nine seconds: it refuses what is new, and loses nothing that runs. */
export async function exhaustPool(count: number): Promise<Finding> {
  return onSite(async (site, node) => {
    site.upstream.plan = (tag) => ({ kind: tag.startsWith('flight') ? 'hold' : 'answer' });
    const flights = Array.from({ length: count }, (_, index) => site.run(node, `flight-${index}`));
    await until('all calls', () => (site.upstream.paid.length === count ? true : null));
    const unlock = await lockExecutions(site);
    const since = performance.now();
    const readers = Array.from({ length: READERS }, () =>
      site.own(node, 'GET', 'executions?limit=1').catch(() => null),
    );
    await until('busy connections', async () => {
      return (await site.sql(WAITING)).length >= CONNECTIONS ? true : null;
    });
    site.upstream.release();
    const slowest = await refuseAll(site, node, count);
    await Promise.all(flights);
    expect(site.told.filter(({ tag }) => tag.startsWith('flight'))).toEqual(
      Array.from({ length: count }, () => expect.objectContaining({ status: 201 })),
    );
    await new Promise((resolve) => setTimeout(resolve, BUSY_MS - (performance.now() - since)));
    await unlock();
    await Promise.all(readers);
    await until('service', async () => {
      return (await site.run(node, `back-${site.told.length}`)).status === 201 ? true : null;
    });
    await until('every end', async () => {
      const open = await site.sql(`SELECT FROM agent_executions WHERE status = 'running'`);
      return open.length === 0 ? true : null;
    });
    const { counts } = await auditedClean(site);
    expect((await node.process.stop()).code).toBe(0);
    return `refused after at most ${slowest} ms; clients: ${toldInWords(site)}; ledger: ${inWords(counts)}`;
  });
}

/**
 * The ledger gives no answer, and everything else does: starts that are in a statement are refused as well, and what
 * the statement writes after all is ended.
 */
export async function lockLedger(count: number): Promise<Finding> {
  return onSite(async (site, node) => {
    expect((await site.run(node, 'before')).status).toBe(201);
    const unlock = await lockExecutions(site);
    const slowest = Math.max(
      ...(await Promise.all([
        refuseAll(site, node, count),
        refuseAll(site, node, QUEUED, { headers: { prefer: 'respond-async' } }),
      ])),
    );
    await unlock();
    await until('service', async () => {
      return (await site.run(node, `back-${site.told.length}`)).status === 201 ? true : null;
    });
    await until('every end', async () => {
      const open = await site.sql(`SELECT FROM agent_executions WHERE status = 'running'`);
      const refused = await site.sql(REFUSED);
      return open.length === 0 && refused.length > 0 ? true : null;
    });
    const { rows, counts } = await auditedClean(site);
    const unheard = rows.filter(({ tag }) => tag.startsWith('refused'));
    expect(unheard.map(({ status, billed }) => `${status} ${billed}`)).toEqual(
      unheard.map(() => 'failed 0'),
    );
    expect(site.upstream.paid.filter(({ tag }) => tag.startsWith('refused'))).toEqual([]);
    expect((await node.process.stop()).code).toBe(0);
    return `refused after at most ${slowest} ms, ${unheard.length} of ${count} were in a statement; ledger: ${inWords(counts)}`;
  });
}

/** @returns milliseconds of the slowest refusal. */
async function refuseAll(
  site: DrillSite,
  node: Node,
  count: number,
  options: RunOptions = {},
): Promise<number> {
  const times = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const startedAt = performance.now();
      const told = await site.run(node, `refused-${index}`, options);
      expect(told).toMatchObject({
        ...{ status: 503, code: 'ledger_unavailable' },
        retryAfter: expect.any(String),
      });
      return Math.round(performance.now() - startedAt);
    }),
  );
  const slowest = Math.max(...times);
  expect(slowest).toBeLessThan(REFUSED_WITHIN_MS);
  return slowest;
}

/** Nobody reads or writes an execution until the function is called that this gives. */
async function lockExecutions(site: DrillSite): Promise<() => Promise<void>> {
  const client = new Client({ connectionString: await site.databaseUrl() });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('BEGIN; LOCK TABLE agent_executions IN ACCESS EXCLUSIVE MODE');
  return async () => {
    await client.query('COMMIT');
    await client.end();
  };
}
