import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../process/server-process';
import type { DrillSite, Node } from '../support/drill-site';
import { LossyProxy } from '../support/lossy-proxy';
import { auditedClean, type Finding, inWords, onSite, toldInWords } from '../support/scenario';
import { CANNOT_MOUNT, SmallDisk } from '../support/small-disk';
import { untilStatus } from './clients';
import { untilReady } from './killed-database';

/** An answer of 700 KiB, whose receipt takes three quarters of that, compressed. */
const LONG = { kind: 'hold', pieces: 700 } as const;
const ROOM_FOR_ONE = 800_000;

/**
 * The disk of the journal is full, really: nothing new is started, what runs is told to the database. While that is
 * away too, what the disk has no room for is kept in memory and told as not recorded. All of it ends when there is
 * room again, and a server starts on a full disk as well.
 */
export async function fillDisk(): Promise<Finding> {
  const disk = await SmallDisk.mount('8m');
  if (disk === null) return CANNOT_MOUNT;
  try {
    return await onSite(async (site) => {
      const proxy = await LossyProxy.start(await site.databaseUrl());
      try {
        const node = await startOn(site, disk, proxy);
        await fullWithDatabase(site, node, disk);
        await fullWithoutDatabase(site, node, disk, proxy);
        await startOnFull(site, node, disk, proxy);
        const { counts } = await auditedClean(site);
        return `clients: ${toldInWords(site)}; ledger: ${inWords(counts)}`;
      } finally {
        await proxy.close();
      }
    });
  } finally {
    await disk.unmount();
  }
}

/** A server whose data directory is the disk, on the database of the site. */
function startOn(site: DrillSite, disk: SmallDisk, proxy: LossyProxy): Promise<Node> {
  return site.start({
    DATABASE_URL: proxy.url,
    KEYRUN_DATA_DIR: disk.folder,
    KEYRUN_ROOT_KEY_FILE: join(site.dataDirectory, 'root-key'),
  });
}

async function held(site: DrillSite, node: Node, tags: readonly string[]) {
  const before = site.upstream.paid.length;
  const clients = tags.map((tag) => site.run(node, tag));
  await until('calls', () => (site.upstream.paid.length === before + tags.length ? true : null));
  return clients;
}

async function expectRefusing(site: DrillSite, node: Node): Promise<void> {
  await until('refusal', async () => {
    const told = await site.run(node, `refused-${site.told.length}`);
    return told.status === 503 && told.retryAfter !== null ? true : null;
  });
  const paid = site.upstream.paid.length;
  expect(await site.run(node, 'still-refused')).toMatchObject({ code: 'ledger_unavailable' });
  expect(site.upstream.paid).toHaveLength(paid);
  expect(await site.readiness(node)).toBe(503);
  expect((await fetch(`${node.url}/health/live`)).status).toBe(200);
}

async function expectServing(site: DrillSite, node: Node): Promise<void> {
  await untilReady(node);
  await until('service', async () => {
    const told = await site.run(node, `served-${site.told.length}`);
    return told.status === 201 && !told.isJournaled ? true : null;
  });
}

async function fullWithDatabase(site: DrillSite, node: Node, disk: SmallDisk): Promise<void> {
  site.upstream.plan = (tag) => ({ kind: tag.startsWith('held') ? 'hold' : 'answer' });
  await expectServing(site, node);
  const clients = await held(site, node, ['held-0', 'held-1', 'held-2']);
  disk.fill();
  await expectRefusing(site, node);
  site.upstream.release();
  for (const told of await Promise.all(clients)) {
    expect(told).toMatchObject({ status: 201, isJournaled: false });
  }
  disk.clear();
  await expectServing(site, node);
}

async function fullWithoutDatabase(
  site: DrillSite,
  node: Node,
  disk: SmallDisk,
  proxy: LossyProxy,
): Promise<void> {
  site.upstream.plan = (tag) => (tag.startsWith('long') ? LONG : { kind: 'answer' });
  const clients = await held(site, node, ['long-0', 'long-1', 'long-2']);
  disk.fill(ROOM_FOR_ONE);
  proxy.goAway();
  site.upstream.release();
  const told = await Promise.all(clients);
  expect(told.filter(({ isJournaled, status }) => isJournaled && status === 201)).toHaveLength(1);
  const unrecorded = told.filter(({ code }) => code === 'ledger_unavailable');
  expect(unrecorded).toHaveLength(2);
  expect(await site.readiness(node)).toBe(503);
  proxy.comeBack();
  await untilStatus(site, 'completed', site.upstream.paid.length);
  disk.clear();
  await expectServing(site, node);
}

/**
 * The one that is killed has an answer in its journal, which the next one finds although the disk is full. Its journal
 * had no room for longer answers before: nothing of those is left behind it, to be read as damage.
 */
async function startOnFull(
  site: DrillSite,
  node: Node,
  disk: SmallDisk,
  proxy: LossyProxy,
): Promise<void> {
  site.upstream.plan = (tag) => ({ kind: tag.startsWith('short') ? 'hold' : 'answer' });
  const clients = await held(site, node, ['short-0']);
  proxy.goAway();
  site.upstream.release();
  expect(await Promise.all(clients)).toMatchObject([{ status: 201, isJournaled: true }]);
  disk.fill();
  node.process.kill('SIGKILL');
  await node.process.exited;
  proxy.comeBack();
  const next = await startOn(site, disk, proxy);
  await untilStatus(site, 'completed', site.upstream.paid.length);
  expect(existsSync(join(disk.folder, 'journal', 'quarantine'))).toBe(false);
  disk.clear();
  await expectServing(site, next);
  disk.fill();
  await expectRefusing(site, next);
  disk.clear();
  await expectServing(site, next);
  expect((await next.process.stop()).code).toBe(0);
}

/**
 * The disk of everything is full, PostgreSQL and its log included, which goes down when it needs the next piece of
 * log. What was paid is recorded when there is room again, and nobody has to start anything.
 */
export async function fillDiskOfAll(): Promise<Finding> {
  const disk = await SmallDisk.mount('320m');
  if (disk === null) return CANNOT_MOUNT;
  try {
    return await onSite(
      async (site, node) => {
        site.upstream.plan = (tag) => (tag.startsWith('long') ? LONG : { kind: 'answer' });
        await expectServing(site, node);
        const clients = await held(site, node, ['long-0', 'long-1', 'long-2']);
        disk.fill();
        await expectRefusing(site, node);
        site.upstream.release();
        const told = await Promise.all(clients);
        const unrecorded = told.filter(({ code }) => code === 'ledger_unavailable');
        const recorded = told.filter(({ status }) => status === 201);
        expect(unrecorded.length + recorded.length).toBe(3);
        const isDown = await exhaustLog(site);
        disk.clear();
        await expectServing(site, node);
        await untilStatus(site, 'completed', site.upstream.paid.length);
        const { counts } = await auditedClean(site);
        expect((await node.process.stop()).code).toBe(0);
        const database = isDown ? 'PostgreSQL went down and came back' : 'PostgreSQL stayed up';
        return `clients: ${toldInWords(site)}; ledger: ${inWords(counts)}; ${database}`;
      },
      {},
      disk.folder,
    );
  } finally {
    await disk.unmount();
  }
}

/** @returns whether PostgreSQL broke off a statement for want of room. */
async function exhaustLog(site: DrillSite): Promise<boolean> {
  for (let count = 0; count < 20; count += 1) {
    try {
      await site.sql('SELECT pg_switch_wal(), pg_logical_emit_message(false, $1, $1)', ['drill']);
    } catch {
      return true;
    }
  }
  return false;
}
