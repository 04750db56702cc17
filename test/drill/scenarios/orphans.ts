import { until } from '../../process/server-process';
import { auditedClean, type Finding, inWords, onSite, untilNothingRuns } from '../support/scenario';

const RESCUE_MS = 15_000;

/** Two servers find what a third left behind, at the same time: each is ended once. */
export async function sweepTogether(count: number): Promise<Finding> {
  return onSite(async (site) => {
    await site.startBeside();
    const dying = await site.startBeside();
    site.upstream.plan = () => ({ kind: 'hold' });
    const clients = Array.from({ length: count }, (_, index) => site.run(dying, `orphan-${index}`));
    await until('all calls', () => (site.upstream.paid.length === count ? true : null));
    dying.process.kill('SIGKILL');
    await Promise.all(clients);
    const sweptMs = await untilNothingRuns(site, RESCUE_MS);
    const { counts } = await auditedClean(site);
    expect(counts).toEqual({ interrupted: count });
    const outcomes = await site.sql('SELECT FROM attempt_outcomes');
    expect(outcomes).toHaveLength(count);
    return `${inWords(counts)} after ${sweptMs} ms, one outcome each`;
  });
}

/** Whoever asks again under the same key after a crash is told what became of it, and nothing is called. */
export async function repeatAfterCrash(count: number): Promise<Finding> {
  return onSite(async (site, first) => {
    site.upstream.plan = () => ({ kind: 'hold' });
    const dying = await site.startBeside();
    const ask = (node: typeof first, index: number) =>
      site.run(node, `again-${index}`, {
        stream: index % 2 === 1,
        headers: { 'idempotency-key': `key-${index}` },
      });
    const indexes = Array.from({ length: count }, (_, index) => index);
    const clients = indexes.map((index) => ask(dying, index));
    await until('all calls', () => (site.upstream.paid.length === count ? true : null));
    dying.process.kill('SIGKILL');
    await Promise.all(clients);
    await untilNothingRuns(site, RESCUE_MS);
    const again = await Promise.all(indexes.map((index) => ask(first, index)));
    expect(again.filter(({ code }) => code !== 'interrupted')).toEqual([]);
    const { counts, rows } = await auditedClean(site);
    expect(counts).toEqual({ interrupted: count });
    const ids = new Map(rows.map(({ tag, id }) => [tag, id]));
    expect(again.filter(({ tag, executionId }) => ids.get(tag) !== executionId)).toEqual([]);
    expect(site.upstream.paid).toHaveLength(count);
    return `${count} asked again: the same executions, interrupted; calls 0`;
  });
}
