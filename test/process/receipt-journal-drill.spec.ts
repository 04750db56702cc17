import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { v7 } from 'uuid';
import { collect, JournalBench, nobody } from '../../src/receipt-journal/testing/journal-bench';

const PROJECT_ROOT = join(__dirname, '..', '..');
/** More by `KEYRUN_DRILL_KILLS=200 npm test -- test/process/receipt-journal-drill`. */
const KILLS = Number(process.env.KEYRUN_DRILL_KILLS ?? 8);

jest.setTimeout(60_000 + KILLS * 10_000);

interface Receipt {
  readonly serverId: string;
  readonly number: number;
}

describe('the receipt journal of a server that is killed', () => {
  let bench: JournalBench;

  beforeAll(() => {
    Logger.overrideLogger(false);
    const build = join(PROJECT_ROOT, 'scripts', 'build.mjs');
    expect(spawnSync(process.execPath, [build, '--if-stale']).status).toBe(0);
  });

  beforeEach(() => {
    bench = new JournalBench();
  });

  afterEach(() => {
    bench.remove();
  });

  /** A process that appends; under a shell that limits its files, if that is wanted. */
  async function spawnWriter(serverId: string, limitBlocks?: number): Promise<ChildProcess> {
    await bench.start();
    const settings = {
      directory: bench.directory,
      serverId,
      rootKey: bench.rootKey.expose(),
      row: bench.store.rows[0],
      syncs: randomInt(2) === 0,
    };
    const script = join(__dirname, 'journal-writer.mjs');
    const words = [process.execPath, script, JSON.stringify(settings)];
    const limit = limitBlocks === undefined ? '' : `ulimit -f ${limitBlocks}; `;
    const stdio = ['ignore', 'pipe', 'inherit'] as const;
    return spawn('sh', ['-c', `${limit}exec "$0" "$@"`, ...words], { stdio: [...stdio] });
  }

  /** The lines that the process wrote, and whether it was killed when it had written so many. */
  async function linesOf(child: ChildProcess, killAfter = Infinity): Promise<string[]> {
    let text = '';
    child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.split('\n').length > killAfter) child.kill('SIGKILL');
    });
    await once(child, 'close');
    return text.split('\n').slice(0, -1);
  }

  const adopted = async (isAcknowledged = false) => {
    const journal = await bench.start();
    const texts = await collect(journal.adopt(nobody), isAcknowledged);
    return { journal, receipts: texts.map((text) => JSON.parse(text) as Receipt) };
  };

  it(`still holds every receipt that it took, at ${KILLS} random points`, async () => {
    for (let kill = 0; kill < KILLS; kill += 1) {
      const serverId = v7();
      const child = await spawnWriter(serverId);
      const said = await linesOf(child, randomInt(1, 2_000));
      expect(child.signalCode).toBe('SIGKILL');
      expect(said.length).toBeGreaterThan(0);
      const { journal, receipts } = await adopted(true);
      const numbers = receipts.filter((one) => one.serverId === serverId).map((one) => one.number);
      expect(numbers.slice(0, said.length)).toEqual(said.map(Number));
      expect(numbers.length).toBeGreaterThanOrEqual(said.length);
      expect(journal.status()).toMatchObject({ quarantined: 0, writable: true });
    }
  });

  it('takes no receipt that it cannot write in full, and keeps those before it', async () => {
    const serverId = v7();
    const said = await linesOf(await spawnWriter(serverId, 410));
    const end = JSON.parse(said.pop()!);
    expect(end).toEqual({ fault: 'not_writable', systemCode: 'EFBIG' });
    expect(said.length).toBeGreaterThan(20);
    // A number is missing: that of the receipt that found no room, before the last.
    expect(Number(said.at(-1))).toBe(said.length);
    const { journal, receipts } = await adopted();
    expect(receipts.map(({ number }) => number)).toEqual(said.map(Number));
    expect(journal.status()).toMatchObject({ quarantined: 0 });
  });
});
