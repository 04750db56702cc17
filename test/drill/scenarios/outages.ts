import { EventEmitter, once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../../process/server-process';
import { unequalAnswers } from '../support/auditor';
import type { Node } from '../support/drill-site';
import { LossyProxy } from '../support/lossy-proxy';
import { postgresProcesses } from './killed-database';
import {
  auditedClean,
  type Finding,
  inWords,
  onSite,
  toldInWords,
  untilNothingRuns,
} from '../support/scenario';

const LEASE_MS = 10_000;
/** Leases have long run out when the database comes back. */
const AWAY_MS = 20_000;
/** The second server is back so much later: the first one would have swept by then, were it not for the grace. */
const LATER_MS = 6_000;
/** And so much later everything that a sweep could do is done. */
const AFTERWARDS_MS = 8_000;
const REVISED = 'SELECT FROM attempt_outcomes WHERE revision > 1';

/**
 * Two servers cannot reach the database for longer than a lease, in the middle of their streams. Half of these end
 * meanwhile, half of them later, and neither server takes the other for dead.
 */
export async function loseDatabaseForLong(streams: number): Promise<Finding> {
  return onSite(async (site, first) => {
    const { upstream } = site;
    const returned = new EventEmitter();
    const untilReturn = once(returned, 'return').then(() => undefined);
    upstream.plan = (tag) => {
      const isLate = Number(tag.split('-')[1]) >= streams / 2;
      return { kind: 'hold', until: isLate ? untilReturn : undefined };
    };
    const databaseUrl = await site.databaseUrl();
    const ways = [await LossyProxy.start(databaseUrl), await LossyProxy.start(databaseUrl)];
    const nodes: Node[] = [];
    for (const { url } of ways) nodes.push(await site.start({ DATABASE_URL: url }));
    // PostgreSQL is its child and stays; a server that can reach the database would rightly sweep.
    first.process.kill('SIGSTOP');
    const clients = Array.from({ length: streams }, (_, index) =>
      site.run(nodes[index % 2]!, `outage-${index}`, { stream: true }),
    );
    await until('all calls', () => (upstream.paid.length === streams ? true : null));
    for (const way of ways) way.goAway();
    upstream.release();
    await delay(AWAY_MS);
    expect(site.told).toHaveLength(streams / 2);
    for (const way of ways) {
      way.comeBack();
      await delay(way === ways[0] ? LATER_MS : AFTERWARDS_MS);
    }
    returned.emit('return');
    await Promise.all(clients);
    await untilNothingRuns(site, 15_000);
    const { counts } = await auditedClean(site);
    expect(counts).toEqual({ completed: streams });
    // Nobody was interrupted and made up for afterwards.
    expect(await site.sql(REVISED)).toEqual([]);
    expect(await unequalAnswers(site, nodes[0]!)).toEqual([]);
    for (const way of ways) await way.close();
    first.process.kill('SIGCONT');
    return `clients: ${toldInWords(site)}; ledger: ${inWords(counts)}; interrupted 0`;
  });
}

const FROZEN_MS = 13_000;

/**
 * PostgreSQL is frozen for longer than a lease, and thaws with every statement of that time still to be carried out:
 * the renewals of leases, and the sweeps that were asked for when they had not run out.
 */
export async function freezeDatabase(streams: number): Promise<Finding> {
  return onSite(async (site, node) => {
    const { upstream } = site;
    upstream.plan = () => ({ kind: 'hold' });
    const clients = Array.from({ length: streams }, (_, index) =>
      site.run(node, `frozen-${index}`, { stream: index % 2 === 0 }),
    );
    await until('all calls', () => (upstream.paid.length === streams ? true : null));
    // Its lease is established, and the pool has connections on which a sweep can be asked for.
    await delay(LEASE_MS);
    const lists = Array.from({ length: 40 }, () => site.own(node, 'GET', 'executions?limit=100'));
    await Promise.all(lists);
    const processes = postgresProcesses(site);
    for (const pid of processes) process.kill(pid, 'SIGSTOP');
    await delay(FROZEN_MS);
    for (const pid of processes) process.kill(pid, 'SIGCONT');
    await delay(AFTERWARDS_MS);
    upstream.release();
    await Promise.all(clients);
    await untilNothingRuns(site, 15_000);
    const { counts } = await auditedClean(site);
    expect(counts).toEqual({ completed: streams });
    expect(await site.sql(REVISED)).toEqual([]);
    return `clients: ${toldInWords(site)}; ledger: ${inWords(counts)}; interrupted 0`;
  });
}
