import { until } from '../../process/server-process';
import { unequalAnswers } from '../support/auditor';
import {
  auditedClean,
  type Finding,
  inWords,
  onSite,
  type Random,
  toldInWords,
  untilNothingRuns,
} from '../support/scenario';

/** What a lease and a sweep take together; after it nobody may be left behind. */
const RESCUE_MS = 15_000;

/**
 * A server is killed with so many executions in flight, every second of them a stream, while some of their answers
 * come. Another one on the same data directory ends them all.
 */
export async function killServerInFlight(inFlight: number, random: Random): Promise<Finding> {
  return onSite(async (site, node) => {
    const { upstream } = site;
    // A part is answered about when the server dies: some clients hear of it, some do not.
    upstream.plan = () =>
      random() < 0.4 ? { kind: 'answer', afterMs: 600 + random() * 800 } : { kind: 'hold' };
    const clients = Array.from({ length: inFlight }, (_, index) =>
      site.run(node, `flight-${index}`, { stream: index % 2 === 1 }),
    );
    await until('all calls', () => (upstream.paid.length >= inFlight ? true : null));
    const enough = 1 + random() * 0.2 * inFlight;
    await until('some answers', () => (site.told.length >= enough ? true : null));
    node.process.kill('SIGKILL');
    await Promise.all([node.process.exited, ...clients]);

    const next = await site.start();
    const rescueMs = await untilNothingRuns(site, RESCUE_MS);
    const { counts, rows } = await auditedClean(site);
    expect(rows).toHaveLength(inFlight);
    expect(upstream.paid).toHaveLength(inFlight);
    expect(Object.keys(counts).filter((status) => !ENDS.includes(status))).toEqual([]);
    expect(rows.filter(({ attempts, outcomes }) => attempts !== 1 || outcomes !== 1)).toEqual([]);
    expect(await unequalAnswers(site, next)).toEqual([]);
    expect((await next.process.stop()).code).toBe(0);
    expect(site.journalFiles()).toEqual([]);
    return `clients: ${toldInWords(site)}; ledger: ${inWords(counts)}; 0 running after ${rescueMs} ms; paid twice 0`;
  });
}

const ENDS = ['completed', 'interrupted'];

/** Of two servers on one database one is killed under load; the other goes on and ends what was left. */
export async function killOneOfTwo(count: number, random: Random): Promise<Finding> {
  return onSite(async (site, first) => {
    const second = await site.startBeside();
    site.upstream.plan = () => ({ kind: 'answer', afterMs: 200 + random() * 1_500 });
    const clients = Array.from({ length: count }, async (_, index) => {
      await new Promise((resolve) => setTimeout(resolve, random() * 3_000));
      const node = index % 2 === 0 ? first : second;
      return site.run(node, `two-${index}`, { stream: index % 3 === 0 });
    });
    setTimeout(() => {
      second.process.kill('SIGKILL');
    }, 2_000);
    await Promise.all([second.process.exited, ...clients]);
    const rescueMs = await untilNothingRuns(site, RESCUE_MS);
    const { counts, rows } = await auditedClean(site);
    expect(Object.keys(counts).filter((status) => !ENDS.includes(status))).toEqual([]);
    const survivors = site.told.filter(({ tag }) => Number(tag.split('-')[1]) % 2 === 0);
    expect(survivors.filter(({ content }) => content === null)).toEqual([]);
    expect(await unequalAnswers(site, first)).toEqual([]);
    expect(site.upstream.paid.length).toBeLessThanOrEqual(rows.length);
    expect((await first.process.stop()).code).toBe(0);
    return `clients: ${toldInWords(site)}; ledger: ${inWords(counts)}; 0 running after ${rescueMs} ms`;
  });
}
