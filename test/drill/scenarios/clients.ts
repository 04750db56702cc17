import { request as httpRequest } from 'node:http';
import { until } from '../../process/server-process';
import type { DrillSite, Node } from '../support/drill-site';
import { openFiles, residentMebibytes } from '../support/process-facts';
import { auditedClean, type Finding, onSite, toldInWords } from '../support/scenario';

/** One Idempotency-Key, many clients, two servers: one call. */
export async function repeatKey(count: number): Promise<Finding> {
  return onSite(async (site, first) => {
    const second = await site.startBeside();
    site.upstream.plan = () => ({ kind: 'hold' });
    const headers = { 'idempotency-key': 'drill-key' };
    const ask = (index: number) => site.run(index % 2 === 0 ? first : second, 'once', { headers });
    const clients = Array.from({ length: count }, (_, index) => ask(index));
    await until('all but one', () => (site.told.length === count - 1 ? true : null));
    site.upstream.release();
    await Promise.all(clients);
    expect(toldInWords(site)).toBe(`1 201, ${count - 1} 409`);
    const replays = await Promise.all(Array.from({ length: count }, (_, index) => ask(index)));
    expect(new Set(replays.map((told) => JSON.stringify(told))).size).toBe(1);
    expect(replays[0]).toMatchObject({ status: 201, content: 'once' });
    const other = await site.run(first, 'other', { headers });
    expect(other).toMatchObject({ status: 422, code: 'idempotency_key_reused' });
    const { rows } = await auditedClean(site);
    expect([rows.length, site.upstream.paid.length]).toEqual([1, 1]);
    return `clients: ${toldInWords(site)}; 1 call`;
  });
}

/** Clients that hang up when they have heard the beginning: each execution goes on and is metered. */
export async function hangUp(count: number): Promise<Finding> {
  return onSite(async (site, node) => {
    site.upstream.plan = () => ({ kind: 'hold' });
    await site.run(node, 'warm-up', { headers: { prefer: 'respond-async' } });
    await until('its call', () => (site.upstream.paid.length === 1 ? true : null));
    const before = openFiles(node.process.pid);
    await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const hangingUp = new AbortController();
        const { signal } = hangingUp;
        const answer = await site.request(node, `gone-${index}`, { stream: true, signal });
        await answer.body!.getReader().read();
        hangingUp.abort();
      }),
    );
    await until('all calls', () => (site.upstream.paid.length === count + 1 ? true : null));
    site.upstream.release();
    await untilStatus(site, 'completed', count + 1);
    const { rows } = await auditedClean(site);
    expect(rows.filter(({ cost }) => cost === null)).toEqual([]);
    // What is left are connections to the provider that are kept for the next call.
    await until('the connections to close', () =>
      openFiles(node.process.pid) <= before + FILES_MARGIN ? true : null,
    );
    expect(node.process.stderr).toBe('');
    return `${count} completed and metered; files ${before} → ${openFiles(node.process.pid)}`;
  });
}

const FILES_MARGIN = 30;
/** The answer is held by the provider's SDK, for readers who come later, and sealed, besides the backlog. */
const MEMORY_MARGIN_MEBIBYTES = 320;

/** A client that reads nothing of a long answer costs no more memory than its backlog. */
export async function stopReading(pieces: number): Promise<Finding> {
  return onSite(async (site, node) => {
    site.upstream.plan = () => ({ kind: 'flood', pieces });
    const before = residentMebibytes(node.process.pid);
    const dropped = new Promise<void>((resolve) => {
      const client = httpRequest(`${node.url}/api/workspaces/${site.workspaceId}/executions`, {
        method: 'POST',
        headers: site.headers(),
      });
      client.on('response', (answer) => {
        answer.pause();
        answer.on('close', resolve);
        answer.on('error', () => undefined);
      });
      client.on('error', () => undefined);
      client.on('close', resolve);
      client.end(JSON.stringify(site.body('slow', { stream: true })));
    });
    let most = 0;
    await until('the end', async () => {
      most = Math.max(most, residentMebibytes(node.process.pid));
      const [row] = await site.sql<{ status: string }>('SELECT status FROM agent_executions');
      return row === undefined || row.status === 'running' ? null : true;
    });
    await Promise.race([dropped, new Promise((resolve) => setTimeout(resolve, 5_000))]);
    expect(await site.sql('SELECT status, error FROM agent_executions')).toEqual([
      { status: 'completed', error: null },
    ]);
    await auditedClean(site);
    expect(await site.own(node, 'GET', 'executions?limit=1')).toMatchObject({ data: [{}] });
    expect(most - before).toBeLessThan(MEMORY_MARGIN_MEBIBYTES);
    return `${pieces} KiB; memory ${before} → at most ${most} MiB`;
  });
}

/** Cancelling, wherever an execution is: queued, connecting, streaming, waiting for a retry, at its end. */
export async function cancelEverywhere(): Promise<Finding> {
  return onSite(
    async (site, node) => {
      site.upstream.plan = (tag) => {
        if (tag === 'done') return { kind: 'answer' };
        const headers = { 'retry-after': '20' };
        return tag === 'backoff' ? { kind: 'refuse', status: 503, headers } : { kind: 'hold' };
      };
      const async = { headers: { prefer: 'respond-async' } };
      await site.run(node, 'done');
      await site.run(node, 'occupation', async);
      await until('its call', () => (site.upstream.count('occupation') === 1 ? true : null));
      await site.run(node, 'queued', async);
      const waiting = [
        site.run(node, 'connecting'),
        site.run(node, 'streaming', { stream: true }),
        site.run(node, 'backoff'),
      ];
      await until('the calls', () => {
        return ['connecting', 'streaming', 'backoff'].every((tag) => site.upstream.count(tag) > 0)
          ? true
          : null;
      });
      const slowest = await cancelAll(site, node, EXPECTED);
      await Promise.all(waiting);
      await cancelAll(site, node, EXPECTED);
      const { counts } = await auditedClean(site);
      expect(counts).toEqual({ completed: 1, cancelled: 5 });
      return `${Object.keys(EXPECTED).length} places, each twice; at most ${slowest} ms`;
    },
    { KEYRUN_ASYNC_CONCURRENCY: '1' },
  );
}

const EXPECTED = {
  done: 'completed',
  queued: 'cancelled',
  connecting: 'cancelled',
  streaming: 'cancelled',
  backoff: 'cancelled',
  occupation: 'cancelled',
};

async function cancelAll(
  site: DrillSite,
  node: Node,
  expected: Readonly<Record<string, string>>,
): Promise<number> {
  let slowest = 0;
  for (const [tag, status] of Object.entries(expected)) {
    const [row] = await site.sql<{ id: string }>(
      'SELECT id FROM agent_executions WHERE agent_id = $1',
      [tag],
    );
    const startedAt = performance.now();
    const answer = await site.own<{ status: string }>(node, 'POST', `executions/${row!.id}/cancel`);
    slowest = Math.max(slowest, Math.round(performance.now() - startedAt));
    expect([tag, answer.status]).toEqual([tag, status]);
  }
  expect(slowest).toBeLessThan(2_000);
  return slowest;
}

export async function untilStatus(site: DrillSite, status: string, count: number): Promise<void> {
  await until(`${count} ${status}`, async () => {
    const rows = await site.sql(`SELECT FROM agent_executions WHERE status = $1`, [status]);
    return rows.length === count ? true : null;
  });
}
