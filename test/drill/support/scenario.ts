import { randomInt } from 'node:crypto';
import { cleanUp } from '../../process/server-process';
import { type Audit, audit } from './auditor';
import { DrillSite, type Node } from './drill-site';

/** What a scenario has to say for itself, one line. */
export type Finding = string;

/** Numbers that are the same at the same seed. */
export type Random = () => number;

/** Printed with each result; `KEYRUN_DRILL_SEED=… npm run drill` repeats a run. */
export const SEED = Number(process.env.KEYRUN_DRILL_SEED ?? randomInt(2 ** 31));

/** One drill as a test: prints its line of the table, and ends whatever it started. */
export function drill(name: string, run: (random: Random) => Promise<Finding>): void {
  it(name, async () => {
    const startedAt = performance.now();
    let finding: Finding = 'FAILED';
    try {
      finding = await run(randomOf(SEED));
    } finally {
      await cleanUp();
      const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
      const cells = [name.padEnd(72), `seed ${SEED}`.padEnd(16), `${seconds} s`.padStart(8)];
      process.stdout.write(`| ${cells.join(' | ')} | ${finding}\n`);
    }
  });
}

/** Opens a site, runs the work, and closes the upstream whatever happened. */
export async function onSite(
  work: (site: DrillSite, node: Node) => Promise<Finding>,
  variables: Record<string, string> = {},
  folder?: string,
): Promise<Finding> {
  const [site, node] = await DrillSite.open(variables, folder);
  try {
    return await work(site, node);
  } finally {
    await site.close();
  }
}

/** Milliseconds until nothing is running any more. @throws {Error} with what still runs after the limit. */
export async function untilNothingRuns(site: DrillSite, limitMs: number): Promise<number> {
  const startedAt = performance.now();
  for (;;) {
    const [row] = await site
      .sql<{ count: number }>(
        `SELECT count(*)::integer AS count FROM agent_executions WHERE status = 'running'`,
      )
      .catch(() => [{ count: Infinity }]);
    const elapsedMs = performance.now() - startedAt;
    if (row!.count === 0) return Math.round(elapsedMs);
    if (elapsedMs > limitMs) throw new Error(`${row!.count} still run after ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The audit of a site on which no invariant is broken. */
export async function auditedClean(site: DrillSite): Promise<Audit> {
  const result = await audit(site);
  expect(result.breaches).toEqual([]);
  return result;
}

/** `2 completed, 3 interrupted` */
export function inWords(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([status, count]) => `${count} ${status}`)
    .join(', ');
}

/** How many clients were told what. */
export function toldInWords(site: DrillSite): string {
  const counts: Record<string, number> = {};
  for (const { status, isJournaled } of site.told) {
    const word = `${status ?? 'broken'}${isJournaled ? ' journaled' : ''}`;
    counts[word] = (counts[word] ?? 0) + 1;
  }
  return inWords(counts);
}

/** mulberry32 */
function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
