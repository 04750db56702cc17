import { until } from '../../process/server-process';
import type { DrillSite } from '../support/drill-site';
import { LossyProxy } from '../support/lossy-proxy';
import { auditedClean, type Finding, onSite } from '../support/scenario';

/** A statement whose answer gets lost, and what must have become of the execution. */
export interface LostAnswer {
  readonly statement: string;
  /** Text that the connection has carried before. */
  readonly before?: string;
  readonly told: number;
  readonly becomes: string;
  readonly calls: number;
  readonly isRetried?: true;
  readonly isAsync?: true;
}

/** The statements of the ledger, in the order of an execution. */
export const LOST_ANSWERS: readonly LostAnswer[] = [
  { statement: 'start_executions', told: 503, becomes: 'failed', calls: 0 },
  { statement: 'record_outcomes', told: 201, becomes: 'completed', calls: 2, isRetried: true },
  { statement: 'start_attempts', told: 201, becomes: 'completed', calls: 2, isRetried: true },
  { statement: 'settle_executions', told: 201, becomes: 'completed', calls: 1 },
  {
    ...{ statement: 'COMMIT', before: 'start_executions' },
    ...{ told: 202, becomes: 'completed', calls: 1, isAsync: true },
  },
  { statement: 'claim_execution', told: 202, becomes: 'completed', calls: 1, isAsync: true },
];

const OCCUPATION = 'occupation';
const ASYNC = { prefer: 'respond-async' };
const ONE_AT_A_TIME = { KEYRUN_ASYNC_CONCURRENCY: '1' };
const LIMIT_MS = 15_000;
const OPEN = `SELECT agent_id AS tag, status FROM agent_executions WHERE status IN ('queued', 'running')`;

/**
 * The connection breaks when PostgreSQL has committed and before the server hears of it. The server lives on, so no
 * lease runs out: it alone can end what it does not know to have begun.
 */
export async function loseAnswers(answers: readonly LostAnswer[]): Promise<Finding> {
  return onSite(async (site, first) => {
    site.upstream.plan = (tag, count) => {
      if (tag === OCCUPATION) return { kind: 'hold' };
      const isRefused = tag.includes('retried') && count === 1;
      return isRefused ? { kind: 'refuse', status: 500 } : { kind: 'answer' };
    };
    // The first server takes nothing else out of the queue.
    await site.run(first, OCCUPATION, { headers: ASYNC });
    await until('its call', () => (site.upstream.count(OCCUPATION) === 1 ? true : null));
    const proxy = await LossyProxy.start(await site.databaseUrl());
    try {
      return await loseThrough(proxy, site, answers);
    } finally {
      await proxy.close();
    }
  }, ONE_AT_A_TIME);
}

async function loseThrough(
  proxy: LossyProxy,
  site: DrillSite,
  answers: readonly LostAnswer[],
): Promise<Finding> {
  const node = await site.start({ DATABASE_URL: proxy.url });
  const told: unknown[] = [];
  for (const answer of answers) {
    proxy.loseAnswerTo(answer.statement, answer.before);
    const { status } = await site.run(node, tagOf(answer), { headers: answer.isAsync && ASYNC });
    told.push([tagOf(answer), status]);
  }
  await until('the lost answers', () => (proxy.lost === answers.length ? true : null));
  expect(told).toEqual(answers.map((answer) => [tagOf(answer), answer.told]));
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
  return `${answers.length} statements; nothing left running, paid twice 0`;
}

/** Without the name of the statement, which is what the proxy looks for. */
function tagOf({ statement, isRetried }: LostAnswer): string {
  const name = statement.toLowerCase().replace('_', '-');
  return isRetried ? `retried-${name}` : name;
}
