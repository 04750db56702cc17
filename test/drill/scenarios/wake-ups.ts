import { join } from 'node:path';
import { PROJECT_ROOT, until } from '../../process/server-process';
import type { DrillSite, Node } from '../support/drill-site';
import { auditedClean, type Finding, inWords, onSite } from '../support/scenario';
import { untilStatus } from './clients';

const ASYNC = { prefer: 'respond-async' };
const OCCUPATION = 'occupation';
const ONE_AT_A_TIME = { KEYRUN_ASYNC_CONCURRENCY: '1' };
const CRASHES = {
  NODE_OPTIONS: `--require ${join(PROJECT_ROOT, 'test', 'process', 'preload', 'crash-points.cjs')}`,
  KEYRUN_TEST_CRASH: 'before:claim',
};
const POISONED = `SELECT status, lost_takes AS "lostTakes", error FROM agent_executions WHERE agent_id = 'poison'`;
/** As the sweep finds it half a minute later. */
const AGE = `UPDATE agent_executions SET wake_up_at = now() - interval '1 hour' WHERE agent_id = 'poison'`;
/** A second wake-up for each that waits, as if it had been sent twice. */
const DOUBLE = `
  INSERT INTO pgboss.job SELECT (jsonb_populate_record(job, jsonb_build_object(
      'id', gen_random_uuid(), 'singleton_key', gen_random_uuid()::text))).*
    FROM pgboss.job job WHERE state = 'created' RETURNING id`;

/** A server whose only place in the queue is taken. */
async function occupy(site: DrillSite, node: Node): Promise<void> {
  await site.run(node, OCCUPATION, { headers: ASYNC });
  await until('its call', () => (site.upstream.count(OCCUPATION) === 1 ? true : null));
}

/** Two servers get the same wake-ups at once. */
export async function doubleWakeUps(count: number): Promise<Finding> {
  return onSite(async (site, node) => {
    site.upstream.plan = (tag) =>
      tag === OCCUPATION ? { kind: 'hold' } : { kind: 'answer', afterMs: 300 };
    await occupy(site, node);
    const tags = Array.from({ length: count }, (_, index) => `double-${index}`);
    for (const tag of tags) await site.run(node, tag, { headers: ASYNC });
    expect(await site.sql(DOUBLE)).toHaveLength(count);
    const [{ waiting }] = (await site.sql<{ waiting: number }>(
      `SELECT count(*)::integer AS waiting FROM pgboss.job WHERE state = 'created'`,
    )) as [{ waiting: number }];
    expect(waiting).toBe(2 * count);
    await Promise.all([site.startBeside(), site.startBeside()]);
    await untilStatus(site, 'completed', count);
    site.upstream.release();
    await untilStatus(site, 'completed', count + 1);
    await auditedClean(site);
    expect(site.upstream.paid).toHaveLength(count + 1);
    return `${count} wake-ups, each twice; each execution ran and was paid for once`;
  }, ONE_AT_A_TIME);
}

/** A request that brings down every server that looks at it: the third does not look. */
export async function poison(): Promise<Finding> {
  return onSite(async (site, node) => {
    site.upstream.plan = (tag) => ({ kind: tag === OCCUPATION ? 'hold' : 'answer' });
    await occupy(site, node);
    const server = await site.startBeside(CRASHES);
    await site.run(node, 'poison', { headers: ASYNC });
    await expectKilled(server);
    for (const lostTakes of [0, 1]) {
      expect(await site.sql(POISONED)).toMatchObject([{ status: 'queued', lostTakes }]);
      await untilLeaseEnds(site);
      const next = await site.startBeside(CRASHES);
      await site.sql(AGE);
      if (lostTakes === 0) await expectKilled(next);
    }
    await until('its end', async () => {
      const [row] = await site.sql<{ status: string }>(POISONED);
      return row!.status === 'queued' ? null : true;
    });
    expect(await site.sql(POISONED)).toMatchObject([
      {
        status: 'failed',
        lostTakes: 2,
        error: { code: 'interrupted', billed: 'no', retryable: false },
      },
    ]);
    const survivor = site.processes.at(-1)!;
    expect((await survivor.stop()).code).toBe(0);
    site.upstream.release();
    await untilStatus(site, 'completed', 1);
    const { counts } = await auditedClean(site);
    expect(site.upstream.count('poison')).toBe(0);
    return `2 servers died, the third lives; ledger: ${inWords(counts)}`;
  }, ONE_AT_A_TIME);
}

async function expectKilled({ process }: Node): Promise<void> {
  expect(await process.exited).toEqual({ code: null, signal: 'SIGKILL' });
}

async function untilLeaseEnds(site: DrillSite): Promise<void> {
  await until('the end of the lease', async () => {
    const [row] = await site.sql<{ alive: boolean }>(
      `SELECT server_is_alive(taken_by) AS alive FROM agent_executions WHERE agent_id = 'poison'`,
    );
    return row!.alive ? null : true;
  });
}
