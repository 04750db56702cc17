import { Client } from 'pg';
import { until } from '../../process/server-process';
import { unequalAnswers } from '../support/auditor';
import type { DrillSite } from '../support/drill-site';
import {
  auditedClean,
  type Finding,
  inWords,
  onSite,
  toldInWords,
  untilNothingRuns,
} from '../support/scenario';
import { untilReady } from './killed-database';

/** Long enough for the copy to be made between two attempts. */
const LATER = { kind: 'refuse', status: 503, headers: { 'retry-after': '5' } } as const;
/** What a client asks again with the same key. */
const KEYED = { headers: { 'idempotency-key': 'settled-0' } };

/**
 * The database is replaced by a copy of itself, as by a standby that is promoted. Of what came after the copy nothing
 * is left: neither executions that had ended and whose clients were told so, nor the second attempts of those under
 * way.
 */
export async function replaceByOlderCopy(count: number): Promise<Finding> {
  return onSite(async (site, node) => {
    const { upstream } = site;
    upstream.plan = (tag, calls) => {
      if (tag.startsWith('settled')) return { kind: 'answer' };
      return calls === 1 ? LATER : { kind: 'hold' };
    };
    const retried = Array.from({ length: count }, (_, index) => `retried-${index}`);
    const clients = retried.map((tag, index) => site.run(node, tag, { stream: index % 2 === 0 }));
    await until('first outcomes', async () => {
      const outcomes = await site.sql('SELECT FROM attempt_outcomes');
      return outcomes.length === count ? true : null;
    });
    await copyDatabase(site);
    expect(retried.filter((tag) => upstream.count(tag) !== 1)).toEqual([]);
    await untilReady(node);
    for (let index = 0; index < count; index += 1) {
      const options = index === 0 ? KEYED : { stream: index % 2 === 0 };
      await site.run(node, `settled-${index}`, options);
    }
    await until('second attempts', () => (upstream.paid.length === 2 * count ? true : null));
    await replaceDatabase(site);
    expect(await site.sql('SELECT FROM agent_executions')).toHaveLength(count);
    upstream.release();
    await Promise.all(clients);
    await until('what had ended', async () => {
      const rows = await site.sql('SELECT FROM agent_executions');
      return rows.length === 2 * count ? true : null;
    });
    await untilNothingRuns(site, 30_000);
    const { counts, rows } = await auditedClean(site);
    expect(counts).toEqual({ completed: 2 * count });
    expect(rows.filter(({ attempts }) => attempts === 2)).toHaveLength(count);
    expect(await unequalAnswers(site, node)).toEqual([]);
    expect(await site.run(node, 'settled-0', KEYED)).toMatchObject({ content: 'settled-0' });
    expect(upstream.paid).toHaveLength(2 * count);
    return `clients: ${toldInWords(site)}; ledger: ${inWords(counts)}, ${count} of them ended before, ${count} with a second attempt`;
  });
}

/** For this only, nobody may be connected; the servers come back by themselves. */
async function copyDatabase(site: DrillSite): Promise<void> {
  await alone(site, async (maintenance, name) => {
    await maintenance.query(`CREATE DATABASE ${name}_copy TEMPLATE ${name}`);
  });
}

async function replaceDatabase(site: DrillSite): Promise<void> {
  await alone(site, async (maintenance, name) => {
    await maintenance.query(`ALTER DATABASE ${name} RENAME TO ${name}_lost`);
    await maintenance.query(`ALTER DATABASE ${name}_copy RENAME TO ${name}`);
  });
}

async function alone(
  site: DrillSite,
  work: (maintenance: Client, name: string) => Promise<void>,
): Promise<void> {
  const url = new URL(await site.databaseUrl());
  const name = url.pathname.slice(1);
  url.pathname = '/postgres';
  const maintenance = new Client({ connectionString: url.href });
  await maintenance.connect();
  try {
    await maintenance.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    await maintenance.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`,
      [name],
    );
    await work(maintenance, name);
    await maintenance.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
  } finally {
    await maintenance.end();
  }
}
