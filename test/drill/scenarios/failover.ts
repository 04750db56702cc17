import { until } from '../../process/server-process';
import { unequalAnswers } from '../support/auditor';
import type { DrillSite } from '../support/drill-site';
import { LossyProxy } from '../support/lossy-proxy';
import {
  auditedClean,
  type Finding,
  inWords,
  onSite,
  toldInWords,
  untilNothingRuns,
} from '../support/scenario';
import { killPostgres, untilReady } from './killed-database';

const TABLES = ['agent_executions', 'execution_attempts', 'execution_requests', 'attempt_outcomes'];
/** Rows whose id is among those of the last executions; without triggers, as if they had never been there. */
const LOST = `SELECT id FROM agent_executions ORDER BY id DESC LIMIT $1`;

/**
 * The database fails over to a standby that never got the last commits: of executions whose calls are under way even
 * the start is gone. Their answers come, at a server that lives or in the journal of one that died.
 */
export async function loseLastCommits(count: number): Promise<Finding> {
  return onSite(async (site, first) => {
    site.upstream.plan = () => ({ kind: 'hold' });
    const proxy = await LossyProxy.start(await site.databaseUrl());
    const dying = await site.start({ DATABASE_URL: proxy.url });
    const clients = [first, dying].flatMap((node, index) =>
      Array.from({ length: count }, (_, number) =>
        site.run(node, `lost-${index}-${number}`, {
          stream: number % 2 === 0,
          headers: number % 3 === 0 ? { 'idempotency-key': `key-${index}-${number}` } : undefined,
        }),
      ),
    );
    await until('all calls', () => (site.upstream.paid.length === 2 * count ? true : null));
    await proxy.close();
    await loseRows(site, 2 * count);
    killPostgres(site);
    site.upstream.release();
    await Promise.all(clients);
    dying.process.kill('SIGKILL');
    await dying.process.exited;
    await untilReady(first);
    await until('the lost executions', async () => {
      const rows = await site.sql('SELECT FROM agent_executions');
      return rows.length === 2 * count ? true : null;
    });
    await untilNothingRuns(site, 30_000);
    const { counts } = await auditedClean(site);
    expect(counts).toEqual({ completed: 2 * count });
    expect(await unequalAnswers(site, first)).toEqual([]);
    const repeated = await site.run(first, 'lost-0-0', {
      headers: { 'idempotency-key': 'key-0-0' },
      stream: true,
    });
    expect(repeated).toMatchObject({ content: 'lost-0-0' });
    expect(site.upstream.paid).toHaveLength(2 * count);
    return `clients: ${toldInWords(site)}; ledger: ${inWords(counts)}, made again from receipts`;
  });
}

async function loseRows(site: DrillSite, count: number): Promise<void> {
  const lost = (await site.sql<{ id: string }>(LOST, [count])).map(({ id }) => id);
  expect(lost).toHaveLength(count);
  const keyOf = (table: string) => (table === 'agent_executions' ? 'id' : 'execution_id');
  const deletions = [...TABLES, 'idempotency_keys'].map(
    (table) => `DELETE FROM ${table} WHERE ${keyOf(table)} = ANY (ids);`,
  );
  await site.sql(`DO $$ DECLARE ids uuid[] := '{${lost.join(',')}}'; BEGIN
    SET LOCAL session_replication_role = replica; ${deletions.join(' ')} END $$`);
  expect(await site.sql(LOST, [count])).toEqual([]);
}
