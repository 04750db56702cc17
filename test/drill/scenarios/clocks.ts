import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PROJECT_ROOT, until } from '../../process/server-process';
import type { DrillSite, Node } from '../support/drill-site';
import { auditedClean, type Finding, onSite } from '../support/scenario';

const PRELOAD = `--require ${join(PROJECT_ROOT, 'test', 'process', 'preload', 'moving-clock.cjs')}`;
const HOUR_MS = 3_600_000;
/** A lease, after which a server sweeps, and a few sweeps. */
const SWEPT_MS = 15_000;
const RETRY_AFTER_MS = 2_000;
const LATENCIES = `
  SELECT agent_id AS tag, latency_ms AS "latencyMs", extract(epoch FROM completed_at - started_at) * 1000 AS "tookMs"
    FROM agent_executions WHERE agent_id LIKE 'waits%'`;

/** The wall clocks of two servers jump, by an hour in either direction, while executions are under way. */
export async function moveClocks(): Promise<Finding> {
  return onSite(async (site, first) => {
    site.upstream.plan = (tag, count) => {
      if (tag.startsWith('held')) return { kind: 'hold' };
      const headers = { 'retry-after': String(RETRY_AFTER_MS / 1_000) };
      return count === 1 ? { kind: 'refuse', status: 503, headers } : { kind: 'answer' };
    };
    const shifted: Node[] = [];
    for (const jump of [HOUR_MS, -HOUR_MS]) {
      const clock = { NODE_OPTIONS: PRELOAD, KEYRUN_TEST_CLOCK_JUMP_MS: String(jump) };
      shifted.push(await site.startBeside(clock));
    }
    const held = [first, ...shifted].map((node, index) => site.run(node, `held-${index}`));
    await until('their calls', () => (site.upstream.paid.length === held.length ? true : null));
    const waiting = await waitAcrossJump(site, shifted);
    await delay(SWEPT_MS);
    // Nobody was taken for dead: by its own clock, each of the two has been silent for an hour.
    expect(
      await site.sql(`SELECT DISTINCT status FROM agent_executions WHERE agent_id LIKE 'held%'`),
    ).toEqual([{ status: 'running' }]);
    for (const [index, node] of shifted.entries()) {
      expect(await site.run(node, `after-${index}`)).toMatchObject({ status: 201 });
    }
    site.upstream.release();
    await Promise.all([...held, ...waiting]);
    expect(site.told.filter(({ status }) => status !== 201)).toEqual([]);
    await expectTrueLatencies(site);
    const { counts } = await auditedClean(site);
    expect(counts).toEqual({ completed: 7 });
    for (const { process } of shifted) expect((await process.stop()).code).toBe(0);
    return 'clocks at +1 h and -1 h: nothing swept, no early retry, latencies true';
  });
}

/** Executions that wait for their second attempt while the clocks jump. */
async function waitAcrossJump(site: DrillSite, shifted: readonly Node[]) {
  const startedAt = performance.now();
  const waiting = shifted.map((node, index) => site.run(node, `waits-${index}`));
  await until('their first attempts', () =>
    shifted.every((_, index) => site.upstream.count(`waits-${index}`) === 1) ? true : null,
  );
  for (const { process } of shifted) process.kill('SIGHUP');
  await Promise.all(waiting);
  const calls = site.upstream.paid.filter(({ tag }) => tag.startsWith('waits'));
  expect(calls).toHaveLength(shifted.length);
  for (const { at } of calls) {
    expect(at - startedAt).toBeGreaterThanOrEqual(RETRY_AFTER_MS);
    expect(at - startedAt).toBeLessThan(5 * RETRY_AFTER_MS);
  }
  return waiting;
}

async function expectTrueLatencies(site: DrillSite): Promise<void> {
  const rows = await site.sql<{ latencyMs: number; tookMs: string }>(LATENCIES);
  expect(rows).toHaveLength(2);
  for (const { latencyMs, tookMs } of rows) {
    expect(latencyMs).toBeGreaterThanOrEqual(RETRY_AFTER_MS);
    expect(latencyMs).toBeLessThan(5 * RETRY_AFTER_MS);
    expect(Number(tookMs)).toBeCloseTo(latencyMs, -1);
  }
}
