import { copyFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { v7 } from 'uuid';
import { InMemoryDataKeyStore } from '../crypto/testing/in-memory-data-key.store';
import { JournalUnavailable } from './journal-unavailable';
import { collect, JournalBench, nobody } from './testing/journal-bench';

const receiptsOf = (name: string, count: number) =>
  Array.from({ length: count }, (_, index) => `{"${name}":${index}}`);

describe('the adoption of a journal', () => {
  let bench: JournalBench;

  beforeEach(() => {
    Logger.overrideLogger(false);
    bench = new JournalBench();
  });

  afterEach(() => {
    bench.remove();
  });

  /** A server that is gone and left receipts. */
  async function leave(receipts: readonly string[], fileBytes?: number): Promise<string> {
    const journal = await bench.start({ fileBytes });
    for (const receipt of receipts) journal.append(receipt);
    return journal.serverId;
  }

  it('gives every receipt of dead servers, and deletes what is acknowledged', async () => {
    const first = receiptsOf('first', 30);
    await leave(first, 1_000);
    const alive = await leave(['"alive"']);
    await leave(['"second"']);
    const journal = await bench.start();
    journal.append('"own"');
    expect(bench.files().length).toBeGreaterThan(5);
    expect(await collect(journal.adopt((id) => Promise.resolve(id === alive)))).toEqual([
      ...first,
      '"second"',
    ]);
    expect(journal.status().unsettled).toBe(32);
    const again = await collect(
      journal.adopt((id) => id === alive),
      true,
    );
    expect(again).toHaveLength(31);
    expect(bench.files().sort()).toEqual(
      [alive, journal.serverId].map((id) => `${id}.000001.${id}.journal`).sort(),
    );
    expect(journal.status()).toMatchObject({ unsettled: 1, quarantined: 0 });
    expect(await collect(journal.adopt((id) => id === alive))).toEqual([]);
  });

  it('goes on where a consumer stopped, with what it did not acknowledge', async () => {
    await leave(receiptsOf('a', 5));
    const journal = await bench.start();
    const kept = [];
    for await (const one of journal.adopt(nobody)) {
      kept.push(one);
      if (kept.length === 3) break;
    }
    kept[1]!.acknowledge();
    expect(await collect(journal.adopt(nobody))).toEqual(
      [0, 2, 3, 4].map((number) => `{"a":${number}}`),
    );
    for await (const { acknowledge } of journal.adopt(nobody)) acknowledge();
    expect(bench.files()).toHaveLength(1);
  });

  it('may be acknowledged later, in any order and more than once', async () => {
    await leave(receiptsOf('a', 3));
    const journal = await bench.start();
    const kept = [];
    for await (const one of journal.adopt(nobody)) kept.push(one);
    for (const one of [...kept.reverse(), ...kept]) one.acknowledge();
    expect(bench.files()).toHaveLength(1);
    expect(journal.status().unsettled).toBe(0);
  });

  it('gives each file to one of many servers that try at once', async () => {
    for (let server = 0; server < 12; server += 1) await leave(receiptsOf(`s${server}`, 3));
    const adopters = await Promise.all(Array.from({ length: 6 }, () => bench.start()));
    const living = new Set(adopters.map(({ serverId }) => serverId));
    const found = await Promise.all(
      adopters.map((adopter) =>
        collect(
          adopter.adopt(async (id) => {
            await Promise.resolve();
            return living.has(id);
          }),
          true,
        ),
      ),
    );
    expect(found.flat().sort()).toEqual(
      Array.from({ length: 12 }, (_, server) => receiptsOf(`s${server}`, 3))
        .flat()
        .sort(),
    );
    expect(found.filter((texts) => texts.length > 0).length).toBeGreaterThan(1);
    expect(bench.files()).toHaveLength(6);
  });

  it('takes over from an adopter that died, with all that is unsettled', async () => {
    await leave(['"a"', '"b"']);
    await collect((await bench.start()).adopt(nobody));
    const heir = await bench.start();
    expect(await collect(heir.adopt(nobody), true)).toEqual(['"a"', '"b"']);
    expect(bench.files()).toEqual([`${heir.serverId}.000001.${heir.serverId}.journal`]);
  });

  it('does not give what was acknowledged long before the server died', async () => {
    const journal = await bench.start();
    for (let count = 0; count < 200; count += 1) {
      const entry = journal.append(`{"n":${count}}`);
      if (count !== 7) journal.acknowledge(entry);
    }
    const given = await collect((await bench.start()).adopt(nobody));
    expect(given).toContain('{"n":7}');
    expect(given.length).toBeLessThan(70);
    await journal.onApplicationShutdown();
  });

  it('gives nothing that was acknowledged before a regular end', async () => {
    const journal = await bench.start();
    const entries = receiptsOf('a', 5).map((receipt) => journal.append(receipt));
    for (const entry of [entries[0]!, entries[3]!]) journal.acknowledge(entry);
    await journal.onApplicationShutdown();
    const heir = await bench.start();
    expect(await collect(heir.adopt(nobody))).toEqual(['{"a":1}', '{"a":2}', '{"a":4}']);
  });

  it('loses nothing of a server that was only believed dead', async () => {
    const zombie = await bench.start();
    zombie.append('"before"');
    const heir = await bench.start();
    expect(await collect(heir.adopt(nobody), true)).toEqual(['"before"']);
    const entry = zombie.append('"after"');
    expect(await collect(heir.adopt(nobody))).toEqual(['"after"']);
    expect(await collect(zombie.unsettled())).toEqual(['"before"', '"after"']);
    zombie.append('"once more"');
    zombie.acknowledge(entry);
    expect(await collect(heir.adopt(nobody))).toEqual(['"after"', '"once more"']);
    expect(zombie.status().writable).toBe(true);
    await zombie.onApplicationShutdown();
    expect(await collect(heir.adopt(nobody), true)).toContain('"once more"');
  });

  it('leaves files alone that are none of the journal', async () => {
    await leave(['"a"']);
    for (const name of ['README', `${v7()}.journal`, `${v7()}.000001.${v7()}.journal.bak`]) {
      writeFileSync(join(bench.directory, name), 'x');
    }
    const journal = await bench.start();
    expect(await collect(journal.adopt(nobody), true)).toEqual(['"a"']);
    expect(bench.files()).toHaveLength(4);
    expect(journal.status().quarantined).toBe(0);
  });

  it('opens no entry that was moved to another file or another place', async () => {
    const serverId = await leave(['"a"', '"b"']);
    const name = `${serverId}.000001.${serverId}.journal`;
    const other = name.replace('000001', '000002');
    copyFileSync(join(bench.directory, name), join(bench.directory, other));
    const journal = await bench.start();
    expect(await collect(journal.adopt(nobody), true)).toEqual(['"a"', '"b"']);
    expect(bench.quarantined()).toHaveLength(2);
  });

  it('gives a receipt once that stands in its file twice', async () => {
    await leave(['"a"']);
    bench.edit((bytes) => Buffer.concat([bytes, bytes]));
    expect(await collect((await bench.start()).adopt(nobody), true)).toEqual(['"a"']);
  });

  it('puts aside what belongs to another database, and takes it up when it is put back', async () => {
    const serverId = await leave(['"a"']);
    const name = `${serverId}.000001.${serverId}.journal`;
    const { rows } = bench.store;
    const [own] = rows.splice(0, 1);
    const stranger = await bench.start();
    expect(await collect(stranger.adopt(nobody))).toEqual([]);
    const [aside] = bench.quarantined();
    expect(aside).toBe(`${serverId}.000001.0.record`);
    rows.splice(0, 1, own!);
    renameSync(join(bench.directory, 'quarantine', aside!), join(bench.directory, name));
    const journal = await bench.start();
    expect(await collect(journal.adopt(nobody))).toEqual(['"a"']);
    expect(journal.status().quarantined).toBe(0);
  });

  it('leaves everything where it is while keys or liveness cannot be asked', async () => {
    const serverId = await leave(['"a"']);
    const name = `${serverId}.000001.${serverId}.journal`;
    const before = readFileSync(join(bench.directory, name));
    const journal = await bench.start();
    const away = () => Promise.reject(new Error('database down'));
    await expect(collect(journal.adopt(away))).rejects.toThrow('database down');
    expect(readFileSync(join(bench.directory, name))).toEqual(before);
    jest.spyOn(InMemoryDataKeyStore.prototype, 'findById').mockImplementationOnce(away);
    const fresh = await bench.start();
    await expect(collect(fresh.adopt((id) => id !== serverId))).resolves.toEqual(['"a"']);
    jest.restoreAllMocks();
  });

  it('says when the folder cannot be read', async () => {
    const journal = await bench.start();
    renameSync(bench.directory, `${bench.directory}-away`);
    await expect(collect(journal.adopt(nobody))).rejects.toThrow(JournalUnavailable);
  });
});
