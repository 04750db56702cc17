import { setTimeout as delay } from 'node:timers/promises';
import type { DrillSite, Node, Told } from '../support/drill-site';
import { FrontProxy } from '../support/front-proxy';
import {
  auditedClean,
  type Finding,
  inWords,
  onSite,
  type Random,
  untilNothingRuns,
} from '../support/scenario';
import { untilReady } from './killed-database';

const TRIES_MAX = 40;
const PAUSE_MS = 250;
const BETWEEN_STARTS_MS = 60;
const DRAIN = { KEYRUN_DRAIN_SECONDS: '10' };

interface Tally {
  repeats: number;
}

/**
 * Three servers are replaced one after the other under load. Clients repeat what failed or broke off under its key, as
 * the documentation tells them; each gets its answer in the end, which was paid for once.
 */
export async function restartOneByOne(servers: number, random: Random): Promise<Finding> {
  return onSite(async (site) => {
    site.upstream.plan = () => ({ kind: 'answer', afterMs: 200 + random() * 1_200 });
    const nodes: Node[] = [];
    for (let index = 0; index < servers; index += 1) nodes.push(await site.startBeside(DRAIN));
    const proxy = await FrontProxy.start();
    try {
      proxy.leadTo(nodes.map(({ url }) => url));
      const tally = { repeats: 0 };
      const load = new Load(site, proxy.url, tally);
      const running = load.run();
      for (let index = 0; index < servers; index += 1) await replace(site, proxy, nodes, index);
      load.stop();
      const told = await running;
      expect(told.filter(({ tag, status, content }) => status !== 201 || content !== tag)).toEqual(
        [],
      );
      await untilNothingRuns(site, 15_000);
      const { counts } = await auditedClean(site);
      expect(Object.keys(counts)).toEqual(['completed']);
      expect(site.upstream.paid).toHaveLength(told.length);
      return `${servers} servers replaced; clients: ${told.length} 201 after ${tally.repeats} repetitions; ledger: ${inWords(counts)}`;
    } finally {
      await proxy.close();
    }
  });
}

async function replace(
  site: DrillSite,
  proxy: FrontProxy,
  nodes: Node[],
  index: number,
): Promise<void> {
  nodes[index]!.process.kill('SIGTERM');
  expect(await nodes[index]!.process.exited).toEqual({ code: 0, signal: null });
  const next = await site.startBeside(DRAIN);
  await untilReady(next);
  nodes[index] = next;
  proxy.leadTo(nodes.map(({ url }) => url));
}

/** Clients that come one after the other until it is stopped. */
class Load {
  #isStopped = false;

  constructor(
    private readonly site: DrillSite,
    private readonly url: string,
    private readonly tally: Tally,
  ) {}

  async run(): Promise<Told[]> {
    const clients: Promise<Told>[] = [];
    while (!this.#isStopped) {
      clients.push(this.#persist(`rolling-${clients.length}`, clients.length % 3 === 0));
      await delay(BETWEEN_STARTS_MS);
    }
    return Promise.all(clients);
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Repeats under one key what broke off, is in flight, or was refused by a server that goes. */
  async #persist(tag: string, stream: boolean): Promise<Told> {
    const headers = { 'idempotency-key': tag };
    for (let tries = 1; ; tries += 1) {
      const told = await this.site.ask(this.url, tag, { headers, stream });
      const isFinal = told.status !== null && told.status < 500 && told.status !== 409;
      if (isFinal || tries === TRIES_MAX)
        return { ...told, status: told.status === 200 ? 201 : told.status };
      this.tally.repeats += 1;
      await delay(PAUSE_MS);
    }
  }
}
