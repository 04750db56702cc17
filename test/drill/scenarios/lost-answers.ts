import { until } from '../../process/server-process';
import type { DrillSite, Node } from '../support/drill-site';
import { type Loss, LossyProxy } from '../support/lossy-proxy';
import { auditedClean, type Finding, onSite, untilNothingRuns } from '../support/scenario';
import { untilReady } from './killed-database';

/** A statement whose answer gets lost, and what must have become of the execution. */
export interface LostAnswer extends Loss {
  readonly name?: string;
  readonly told: number;
  readonly becomes: string;
  readonly calls: number;
  readonly isRetried?: true;
  readonly isAsync?: boolean;
}

const ENQUEUED = {
  ...{ statement: 'COMMIT', before: 'start_confirmed_executions', isAsync: true },
  ...{ told: 202, becomes: 'completed', calls: 1 },
} as const;

/** The statements of the ledger, in the order of an execution. */
export const LOST_ANSWERS: readonly LostAnswer[] = [
  { statement: 'start_confirmed_executions', told: 503, becomes: 'failed', calls: 0 },
  { statement: 'record_outcomes', told: 201, becomes: 'completed', calls: 2, isRetried: true },
  { statement: 'start_attempts', told: 201, becomes: 'completed', calls: 2, isRetried: true },
  {
    ...{ name: 'two-in-a-row', statement: 'start_attempts', times: 2, isRetried: true },
    ...{ told: 503, becomes: 'failed', calls: 1 },
  },
  { statement: 'settle_executions', told: 201, becomes: 'completed', calls: 1 },
  ENQUEUED,
  { ...ENQUEUED, name: 'still-under-way', heldMs: 1_000 },
  { ...ENQUEUED, name: 'then-away', awayMs: 2_000 },
  { statement: 'claim_execution', told: 202, becomes: 'completed', calls: 1, isAsync: true },
];

const OCCUPATION = 'occupation';
const ASYNC = { prefer: 'respond-async' };
const ONE_AT_A_TIME = { KEYRUN_ASYNC_CONCURRENCY: '1' };
const LIMIT_MS = 30_000;
const OPEN = `SELECT agent_id AS tag, status FROM agent_executions WHERE status IN ('queued', 'running')`;

/**
 * The connection breaks when PostgreSQL has committed and before the server hears of it. The server lives on, so no
 * lease runs out: it alone can end what it does not know to have begun.
 */
export async function loseAnswers(answers: readonly LostAnswer[]): Promise<Finding> {
  return onLossySite((site, node, proxy) => loseThrough(proxy, site, node, answers));
}

/**
 * After the commit of an execution for the queue the database stays away for longer than anybody waits. The client is
 * told that nobody knows; when the database is back the execution is withdrawn, and its key is free.
 */
export async function loseForLong(awayMs: number): Promise<Finding> {
  return onLossySite(async (site, node, proxy) => {
    const headers = { ...ASYNC, 'idempotency-key': 'for-long' };
    proxy.loseAnswerTo({ ...ENQUEUED, awayMs });
    const told = await site.run(node, 'for-long', { headers });
    expect(told).toMatchObject({ status: 503, code: 'acceptance_unknown' });
    expect(told.executionId).not.toBeNull();
    const ends = `SELECT status, error ->> 'billed' AS billed FROM agent_executions WHERE id = $1`;
    await until('its end', async () => {
      const [row] = await site.sql<{ status: string }>(ends, [told.executionId]);
      return row!.status === 'queued' ? null : true;
    });
    expect(await site.sql(ends, [told.executionId])).toEqual([{ status: 'failed', billed: 'no' }]);
    await untilReady(node);
    expect(await site.run(node, 'for-long', { headers })).toMatchObject({ status: 202 });
    await until('its call', () => (site.upstream.count('for-long') === 1 ? true : null));
    site.upstream.release();
    await untilNothingRuns(site, LIMIT_MS);
    const { counts } = await auditedClean(site);
    expect(counts).toEqual({ completed: 2, failed: 1 });
    return `told 503 acceptance_unknown; withdrawn unsent; the same key again: completed once`;
  });
}

type LossyWork = (site: DrillSite, node: Node, proxy: LossyProxy) => Promise<Finding>;

/** A server whose way to the database loses answers, beside one that takes nothing out of the queue. */
async function onLossySite(work: LossyWork): Promise<Finding> {
  return onSite(async (site, first) => {
    site.upstream.plan = (tag, count) => {
      if (tag === OCCUPATION) return { kind: 'hold' };
      const isRefused = tag.includes('retried') && count === 1;
      return isRefused ? { kind: 'refuse', status: 500 } : { kind: 'answer' };
    };
    await site.run(first, OCCUPATION, { headers: ASYNC });
    await until('its call', () => (site.upstream.count(OCCUPATION) === 1 ? true : null));
    const proxy = await LossyProxy.start(await site.databaseUrl());
    try {
      return await work(site, await site.start({ DATABASE_URL: proxy.url }), proxy);
    } finally {
      await proxy.close();
    }
  }, ONE_AT_A_TIME);
}

async function loseThrough(
  proxy: LossyProxy,
  site: DrillSite,
  node: Node,
  answers: readonly LostAnswer[],
): Promise<Finding> {
  const lost = answers.reduce((sum, { times = 1 }) => sum + times, 0);
  const told: unknown[] = [];
  for (const answer of answers) {
    proxy.loseAnswerTo(answer);
    const { status } = await site.run(node, tagOf(answer), {
      headers: answer.isAsync === true ? ASYNC : undefined,
    });
    told.push([tagOf(answer), status]);
  }
  expect(told).toEqual(answers.map((answer) => [tagOf(answer), answer.told]));
  await until('the lost answers', () => (proxy.lost === lost ? true : null));
  site.upstream.release();
  await until(
    'every end',
    async () => ((await site.sql(OPEN)).length === 0 ? true : null),
    LIMIT_MS,
  );
  const { rows } = await auditedClean(site);
  const seen = new Map(rows.map((row) => [row.tag, row.status]));
  const facts = answers.map((answer) => {
    return [tagOf(answer), seen.get(tagOf(answer)), site.upstream.count(tagOf(answer))];
  });
  expect(facts).toEqual(answers.map((answer) => [tagOf(answer), answer.becomes, answer.calls]));
  expect((await node.process.stop()).code).toBe(0);
  return `${lost} answers; nothing left running, paid twice 0`;
}

/** Without the name of the statement, which is what the proxy looks for. */
function tagOf({ name, statement, isRetried }: LostAnswer): string {
  const text = statement.toLowerCase().replace('_', '-');
  return [isRetried && 'retried', text, name].filter((word) => typeof word === 'string').join('-');
}
