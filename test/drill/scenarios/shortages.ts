import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../process/server-process';
import { auditedClean, type Finding, inWords, onSite, toldInWords } from '../support/scenario';
import { LossyProxy } from '../support/lossy-proxy';
import { untilStatus } from './clients';

/** More starts at once than anything has room for: each is served or told when to come back, none hangs. */
export async function startMany(count: number): Promise<Finding> {
  return onSite(async (site, node) => {
    await Promise.all(Array.from({ length: count }, (_, index) => site.run(node, `many-${index}`)));
    const served = site.told.filter(({ status }) => status === 201);
    const refused = site.told.filter(
      ({ status, retryAfter }) => status === 503 && retryAfter !== null,
    );
    expect(served.length + refused.length).toBe(count);
    expect(served.length).toBeGreaterThan(0);
    const { counts } = await auditedClean(site);
    return `clients: ${toldInWords(site)}; ledger: ${inWords(counts)}`;
  });
}

/** The folder of the journal is gone, as a volume that was taken away: nothing is started until it is back. */
export async function takeJournalAway(): Promise<Finding> {
  return onSite(async (site, node) => {
    const folder = join(site.dataDirectory, 'journal');
    expect(await site.run(node, 'with')).toMatchObject({ status: 201 });
    renameSync(folder, `${folder}.away`);
    await until('refusal', async () => {
      const told = await site.run(node, `without-${site.told.length}`);
      return told.status === 503 && told.retryAfter !== null ? true : null;
    });
    expect(await site.readiness(node)).toBe(503);
    const paid = site.upstream.paid.length;
    expect(await site.run(node, 'still-without')).toMatchObject({ status: 503 });
    expect(site.upstream.paid).toHaveLength(paid);
    renameSync(`${folder}.away`, folder);
    await until('service', async () => {
      return (await site.run(node, `back-${site.told.length}`)).status === 201 ? true : null;
    });
    expect(await site.readiness(node)).toBe(200);
    await auditedClean(site);
    return `clients: ${toldInWords(site)}; readiness 503, then 200`;
  });
}

/** One receipt fits into the journal, a second one does not. */
const SMALL_JOURNAL = { KEYRUN_JOURNAL_MAX_BYTES: '1000000' };
const LONG = { kind: 'hold', pieces: 700 } as const;

/** The journal is full while the database is away: what it has no room for is kept in memory, and told as not recorded. */
export async function fillJournal(): Promise<Finding> {
  return onSite(async (site) => {
    const proxy = await LossyProxy.start(await site.databaseUrl());
    try {
      const node = await site.start({ DATABASE_URL: proxy.url, ...SMALL_JOURNAL });
      site.upstream.plan = (tag) => (tag.startsWith('long') ? LONG : { kind: 'answer' });
      const clients = [0, 1, 2].map((index) => site.run(node, `long-${index}`));
      await until('all calls', () => (site.upstream.paid.length === 3 ? true : null));
      proxy.goAway();
      site.upstream.release();
      const told = await Promise.all(clients);
      expect(told.filter(({ isJournaled, status }) => isJournaled && status === 201)).toHaveLength(
        1,
      );
      const unrecorded = told.filter(({ status, code }) => {
        return status === 503 && code === 'ledger_unavailable';
      });
      expect(unrecorded).toHaveLength(2);
      expect(await site.readiness(node)).toBe(503);
      proxy.comeBack();
      await untilStatus(site, 'completed', 3);
      await until('readiness', async () => ((await site.readiness(node)) === 200 ? true : null));
      expect(await site.run(node, 'back')).toMatchObject({ status: 201, isJournaled: false });
      const { counts } = await auditedClean(site);
      expect((await node.process.stop()).code).toBe(0);
      return `clients: ${toldInWords(site)}; ledger: ${inWords(counts)}`;
    } finally {
      await proxy.close();
    }
  });
}

/** Wake-ups that are lost: the sweep finds who waits. */
export async function loseWakeUps(count: number): Promise<Finding> {
  return onSite(
    async (site, node) => {
      const headers = { prefer: 'respond-async' };
      site.upstream.plan = (tag) => ({ kind: tag === 'occupation' ? 'hold' : 'answer' });
      await site.run(node, 'occupation', { headers });
      await until('its call', () => (site.upstream.count('occupation') === 1 ? true : null));
      const tags = Array.from({ length: count }, (_, index) => `lost-${index}`);
      for (const tag of tags) await site.run(node, tag, { headers });
      const lost = await site.sql(`DELETE FROM pgboss.job WHERE state = 'created' RETURNING id`);
      expect(lost.length).toBeGreaterThanOrEqual(count);
      const startedAt = performance.now();
      site.upstream.release();
      await untilStatus(site, 'completed', count + 1);
      await auditedClean(site);
      expect(site.upstream.paid).toHaveLength(count + 1);
      const seconds = Math.round((performance.now() - startedAt) / 1_000);
      return `${lost.length} wake-ups deleted; all completed after ${seconds} s, each paid once`;
    },
    { KEYRUN_ASYNC_CONCURRENCY: '1' },
  );
}

const DEADLOCK = `
  CREATE SEQUENCE drill_settlements;
  CREATE FUNCTION drill_deadlock() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
    IF nextval('public.drill_settlements') <= 2 THEN
      RAISE EXCEPTION 'as if by a deadlock' USING ERRCODE = '40P01';
    END IF;
    RETURN NEW;
  END $$;
  CREATE TRIGGER drill_deadlock BEFORE UPDATE ON agent_executions
    FOR EACH ROW EXECUTE FUNCTION drill_deadlock()`;

/** A settlement that loses two races is settled by its third try. */
export async function deadlockSettlement(): Promise<Finding> {
  return onSite(async (site, node) => {
    await site.sql(DEADLOCK);
    expect(await site.run(node, 'deadlock')).toMatchObject({ status: 201, isJournaled: false });
    const { rows } = await auditedClean(site);
    expect(rows).toMatchObject([{ status: 'completed', outcomes: 1 }]);
    return '2 deadlocks, 1 outcome';
  });
}

const FUTURE = `
  SELECT child.relname AS name FROM pg_inherits
    JOIN pg_class parent ON parent.oid = inhparent JOIN pg_class child ON child.oid = inhrelid
   WHERE parent.relname = 'agent_executions' ORDER BY child.relname`;

/** The months ahead are missing; a start makes them again. */
export async function dropMonthsAhead(): Promise<Finding> {
  return onSite(async (site) => {
    const before = await site.sql<{ name: string }>(FUTURE);
    const ahead = before.slice(-2);
    for (const { name } of ahead) await site.sql(`DROP TABLE ${name}`);
    expect(await site.sql(FUTURE)).toHaveLength(before.length - 2);
    await site.startBeside();
    expect(await site.sql(FUTURE)).toEqual(before);
    return `${ahead.map(({ name }) => name).join(', ')} made again`;
  });
}
