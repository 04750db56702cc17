import { readdirSync, readFileSync } from 'node:fs';
import { postmasterPid, until } from '../../process/server-process';
import { unequalAnswers } from '../support/auditor';
import type { DrillSite, Node } from '../support/drill-site';
import {
  auditedClean,
  type Finding,
  inWords,
  onSite,
  type Random,
  toldInWords,
  untilNothingRuns,
} from '../support/scenario';

/**
 * Every process of PostgreSQL is killed in the middle of so many executions; the launcher starts it again.
 * Whoever was answered is in the ledger in the end, and whoever was refused paid nothing.
 */
export async function killDatabase(count: number, random: Random): Promise<Finding> {
  return onSite(async (site, node) => {
    const { upstream } = site;
    upstream.plan = () => ({ kind: 'answer', afterMs: 100 + random() * 900 });
    const clients = Array.from({ length: count }, async (_, index) => {
      await new Promise((resolve) => setTimeout(resolve, (index / count) * 4_000));
      return site.run(node, `base-${index}`, { stream: index % 4 === 3 });
    });
    setTimeout(() => {
      killPostgres(site);
    }, 1_500);
    await Promise.all(clients);
    await untilReady(node);
    const settledMs = await untilNothingRuns(site, 15_000);
    const { counts } = await auditedClean(site);
    const accepted = site.told.filter(({ content }) => content !== null);
    expect(accepted.length).toBeGreaterThan(0);
    expect(site.told.filter(({ status }) => status === null)).toEqual([]);
    expect(await unequalAnswers(site, node)).toEqual([]);
    // What was refused at its start, before anything was recorded, was not paid for.
    const refused = site.told.filter(
      ({ executionId, status }) => executionId === null && status !== null,
    );
    expect(refused.filter(({ tag }) => upstream.count(tag) > 0)).toEqual([]);
    expect((await node.process.stop()).code).toBe(0);
    expect(site.journalFiles()).toEqual([]);
    return `clients: ${toldInWords(site)}; ledger: ${inWords(counts)}; 0 running ${settledMs} ms after the database was back`;
  });
}

/** As a crash of the machine's kernel would, but for the files: no process of it says good-bye. */
export function killPostgres(site: DrillSite): void {
  for (const pid of postgresProcesses(site)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended meanwhile.
    }
  }
}

/** The postmaster, then its children. */
export function postgresProcesses(site: DrillSite): number[] {
  const postmaster = postmasterPid(site.dataDirectory)!;
  const children = readdirSync('/proc').filter((name) => {
    return /^\d+$/.test(name) && parentOf(name) === postmaster;
  });
  return [postmaster, ...children.map(Number)];
}

function parentOf(pid: string): number | null {
  try {
    return Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]);
  } catch {
    return null;
  }
}

export async function untilReady({ url }: Node): Promise<void> {
  await until('readiness', async () => {
    const answer = await fetch(`${url}/health/ready`).catch(() => null);
    return answer?.status === 200 ? true : null;
  });
}
