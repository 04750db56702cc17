import { join } from 'node:path';
import { PROJECT_ROOT, until } from '../../process/server-process';
import type { DrillSite } from '../support/drill-site';
import { auditedClean, type Finding, onSite } from '../support/scenario';

const PRELOAD = `--require ${join(PROJECT_ROOT, 'test', 'process', 'preload', 'crash-points.cjs')}`;

/** Where a server dies, and what must have become of its one execution. */
export interface CrashPoint {
  readonly point: string;
  /** Null: it is not in the ledger. */
  readonly becomes: string | null;
  readonly calls: number;
  readonly attempts?: number;
  /** The first call is refused with 500, so that there is a second. */
  readonly isRetried?: true;
  readonly isAsync?: true;
}

/** Every step of an execution, in its order. */
export const CRASH_POINTS: readonly CrashPoint[] = [
  { point: 'before:start', becomes: null, calls: 0 },
  { point: 'after:start', becomes: 'interrupted', calls: 0 },
  { point: 'before:call', becomes: 'interrupted', calls: 0 },
  { point: 'after:call', becomes: 'interrupted', calls: 1 },
  { point: 'before:append', becomes: 'interrupted', calls: 1 },
  { point: 'after:append', becomes: 'completed', calls: 1 },
  { point: 'before:settle', becomes: 'completed', calls: 1 },
  { point: 'after:settle', becomes: 'completed', calls: 1 },
  { point: 'before:acknowledge', becomes: 'completed', calls: 1 },
  { point: 'after:acknowledge', becomes: 'completed', calls: 1 },
  // One attempt is over and was not billed; the client of a synchronous one may try again.
  { point: 'before:outcome', becomes: 'interrupted', calls: 1, isRetried: true },
  { point: 'after:outcome', becomes: 'failed', calls: 1, isRetried: true },
  { point: 'before:attempt', becomes: 'failed', calls: 1, isRetried: true },
  { point: 'after:attempt', becomes: 'interrupted', calls: 1, attempts: 2, isRetried: true },
  // Nobody waits for an asynchronous one, so the servers go on with it.
  { point: 'before:claim', becomes: 'completed', calls: 1, isAsync: true },
  { point: 'after:claim', becomes: 'interrupted', calls: 0, isAsync: true },
  {
    ...{ point: 'after:outcome', becomes: 'completed', calls: 2, attempts: 2 },
    ...{ isRetried: true, isAsync: true },
  },
];

/**
 * For each point a server that dies there, beside one that goes on and finds what they left: their executions by
 * their leases, their receipts in the journal of this host.
 */
export async function crashAt(points: readonly CrashPoint[]): Promise<Finding> {
  return onSite(async (site, first) => {
    site.upstream.plan = (tag, count) => {
      if (tag === OCCUPATION) return { kind: 'hold' };
      const isRefused = tag.includes('retried') && count === 1;
      return isRefused ? { kind: 'refuse', status: 500 } : { kind: 'answer' };
    };
    // The first server takes nothing else out of the queue, so that the one that is to die does.
    await site.run(first, OCCUPATION, { headers: ASYNC });
    await until('its call', () => (site.upstream.count(OCCUPATION) === 1 ? true : null));
    for (const point of points) await dieAt(site, point);
    site.upstream.release();
    await until('every end', async () => {
      const [row] = await site.sql<{ open: number }>(OPEN);
      return row!.open === 0 ? true : null;
    });
    await until('the receipts', async () => {
      const { length } = await site.sql(WAITING, [completedOf(points)]);
      return length === 0 ? true : null;
    });
    const { rows } = await auditedClean(site);
    const seen = new Map(rows.map((row) => [row.tag, row]));
    const facts = points.map((point) => {
      const row = seen.get(tagOf(point));
      return [
        tagOf(point),
        row?.status ?? null,
        row?.attempts ?? 0,
        site.upstream.count(tagOf(point)),
      ];
    });
    expect(facts).toEqual(points.map(expectedOf));
    expect((await first.process.stop()).code).toBe(0);
    return `${points.length} points, each with its one expected end`;
  }, ONE_AT_A_TIME);
}

const OCCUPATION = 'occupation';
const ONE_AT_A_TIME = { KEYRUN_ASYNC_CONCURRENCY: '1' };
const ASYNC = { prefer: 'respond-async' };
const OPEN = `SELECT count(*)::integer AS open FROM agent_executions WHERE status IN ('queued', 'running')`;
const WAITING = `SELECT FROM agent_executions WHERE agent_id = ANY ($1) AND status <> 'completed'`;

async function dieAt(site: DrillSite, point: CrashPoint): Promise<void> {
  const node = await site.startBeside({
    NODE_OPTIONS: PRELOAD,
    KEYRUN_TEST_CRASH: point.point,
  });
  await site.run(node, tagOf(point), { headers: point.isAsync && ASYNC });
  const { signal } = await node.process.exited;
  expect([tagOf(point), signal]).toEqual([tagOf(point), 'SIGKILL']);
}

function completedOf(points: readonly CrashPoint[]): string[] {
  return points.filter(({ becomes }) => becomes === 'completed').map(tagOf);
}

function expectedOf(point: CrashPoint) {
  const attempts = point.becomes === null ? 0 : (point.attempts ?? 1);
  return [tagOf(point), point.becomes, attempts, point.calls];
}

function tagOf({ point, isRetried, isAsync }: CrashPoint): string {
  return [point.replace(':', '-'), isRetried && 'retried', isAsync && 'async']
    .filter((word) => word !== undefined)
    .join('-');
}
