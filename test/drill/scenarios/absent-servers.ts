import { join } from 'node:path';
import { PROJECT_ROOT, until } from '../../process/server-process';
import { unequalAnswers } from '../support/auditor';
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

/** The database goes, the answers come, the server dies: what is in its journal is all that is left of them. */
export async function killDatabaseThenServer(count: number): Promise<Finding> {
  return onSite(async (site, first) => {
    site.upstream.plan = () => ({ kind: 'hold' });
    const proxy = await LossyProxy.start(await site.databaseUrl());
    const node = await site.start({ DATABASE_URL: proxy.url });
    const clients = Array.from({ length: count }, (_, index) => site.run(node, `left-${index}`));
    await until('all calls', () => (site.upstream.paid.length === count ? true : null));
    await proxy.close();
    killPostgres(site);
    site.upstream.release();
    await Promise.all(clients);
    node.process.kill('SIGKILL');
    await node.process.exited;
    expect(toldInWords(site)).toBe(`${count} 201 journaled`);
    await untilReady(first);
    const next = await site.startBeside();
    const adoptedMs = await untilNothingRuns(site, 30_000);
    const { counts } = await auditedClean(site);
    expect(counts).toEqual({ completed: count });
    expect(await unequalAnswers(site, next)).toEqual([]);
    return `clients: ${toldInWords(site)}; ledger: ${inWords(counts)} after ${adoptedMs} ms`;
  });
}

const WARNING = 'this server was absent for longer than its lease';

/** How a server is absent for longer than its lease. */
interface Absence {
  readonly variables?: Record<string, string>;
  readonly begins: NodeJS.Signals;
  /** What it writes when it is about to be absent; null: the signal works at once. */
  readonly word: string | null;
  /** Null: it ends by itself. */
  readonly ends: NodeJS.Signals | null;
}

const PRELOAD = join(PROJECT_ROOT, 'test', 'process', 'preload', 'busy-loop.cjs');
export const STOPPED: Absence = { begins: 'SIGSTOP', word: null, ends: 'SIGCONT' };
/** Its event loop does nothing else for 20 s. */
export const BUSY: Absence = {
  ...{ begins: 'SIGUSR2', word: 'busy from now on', ends: null },
  variables: { NODE_OPTIONS: `--require ${PRELOAD}` },
};

/** A server is absent for longer than its lease, and goes on as if nothing had happened. */
export async function leaveServer(count: number, absence: Absence): Promise<Finding> {
  return onSite(async (site) => {
    site.upstream.plan = () => ({ kind: 'hold' });
    const node = await site.startBeside(absence.variables);
    const clients = Array.from({ length: count }, (_, index) =>
      site.run(node, `zombie-${index}`, { stream: index % 2 === 0 }),
    );
    await until('all calls', () => (site.upstream.paid.length === count ? true : null));
    node.process.kill(absence.begins);
    const isAbsent = () => node.process.stderr.includes(absence.word ?? '');
    await until('its absence', () => (isAbsent() ? true : null));
    site.upstream.release();
    const sweptMs = await untilNothingRuns(site, 25_000);
    const swept = await site.sql<{ status: string }>(
      'SELECT DISTINCT status FROM agent_executions',
    );
    expect(swept).toEqual([{ status: 'interrupted' }]);
    if (absence.ends !== null) node.process.kill(absence.ends);
    await Promise.all(clients);
    await until('its warning', () => (node.process.stdout.includes(WARNING) ? true : null));
    await until('the late receipts', async () => {
      const { length } = await site.sql(`SELECT FROM agent_executions WHERE status = 'completed'`);
      return length === count ? true : null;
    });
    const { counts } = await auditedClean(site);
    expect(site.upstream.paid).toHaveLength(count);
    return `swept after ${sweptMs} ms; then ${inWords(counts)}; clients: ${toldInWords(site)}`;
  });
}

/** SIGTERM under load: who can finish does, the rest is told so, and nothing is left behind. */
export async function drainServer(count: number): Promise<Finding> {
  return onSite(async (site) => {
    site.upstream.plan = (tag) =>
      tag.startsWith('quick') ? { kind: 'answer', afterMs: 1_000 } : { kind: 'hold' };
    const node = await site.startBeside({ KEYRUN_DRAIN_SECONDS: '3' });
    const clients = Array.from({ length: count }, (_, index) =>
      site.run(node, `${index % 2 === 0 ? 'quick' : 'slow'}-${index}`, { stream: index % 4 > 1 }),
    );
    await until('all calls', () => (site.upstream.paid.length === count ? true : null));
    const askedAt = performance.now();
    node.process.kill('SIGTERM');
    await new Promise((resolve) => setTimeout(resolve, 200));
    const late = await site.run(node, 'late');
    expect([503, null]).toContain(late.status);
    node.process.kill('SIGTERM');
    await Promise.all(clients);
    expect(await node.process.exited).toEqual({ code: 0, signal: null });
    const exitedMs = Math.round(performance.now() - askedAt);
    expect(exitedMs).toBeLessThan(12_000);
    expect(await untilNothingRuns(site, 100)).toBeLessThan(1_000);
    const { counts, rows } = await auditedClean(site);
    expect(counts).toEqual({ completed: count / 2, failed: count / 2 });
    expect(
      rows.every(({ tag, status }) => tag.startsWith('quick') === (status === 'completed')),
    ).toBe(true);
    expect(
      site.told.filter(({ tag, code }) => tag.startsWith('slow') && code !== 'interrupted'),
    ).toEqual([]);
    return `exit 0 after ${exitedMs} ms; ${inWords(counts)}; clients: ${toldInWords(site)}`;
  });
}
