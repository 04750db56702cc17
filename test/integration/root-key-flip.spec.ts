import { setTimeout as delay } from 'node:timers/promises';
import type { RootKey } from '../../src/crypto';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { newRootKey, type SavedSecret, VaultNode } from '../support/vault-node';

/** How much goes on between two restarts. */
const READS = 20;
const WRITES = 4;

describe('a root key that is changed under load on two nodes', () => {
  const [oldKey, newKey] = [newRootKey(), newRootKey()];
  let database: TestDatabase;

  beforeEach(async () => {
    database = await createTestDatabase();
  });

  afterEach(async () => {
    await database.drop();
  });

  /** Two nodes that are restarted with other keys while readers and writers go on, and what failed meanwhile. */
  class Fleet {
    readonly failures: string[] = [];
    reads = 0;
    writes = 0;
    #isStopped = false;
    readonly #nodes: VaultNode[];
    readonly #work: Promise<void>[];

    constructor(private readonly saved: SavedSecret[]) {
      this.#nodes = [0, 1].map(() => VaultNode.local(database, oldKey));
      this.#work = [0, 1, 0, 1].map((index) => this.#loop(() => this.#read(index)));
      this.#work.push(...[0, 1].map((index) => this.#loop(() => this.#write(index))));
    }

    async restart(index: number, active: RootKey, ...previous: RootKey[]): Promise<void> {
      await this.#nodes[index]!.dataKeys.onModuleDestroy();
      this.#nodes[index] = VaultNode.local(database, active, ...previous);
      await this.#nodes[index].crypto.verifyRootKey();
      const [reads, writes] = [this.reads + READS, this.writes + WRITES];
      while (this.failures.length === 0 && (this.reads < reads || this.writes < writes))
        await delay(1);
    }

    async stop(): Promise<void> {
      this.#isStopped = true;
      await Promise.all(this.#work);
      for (const node of this.#nodes) await node.dataKeys.onModuleDestroy();
    }

    async #loop(step: () => Promise<void>): Promise<void> {
      while (!this.#isStopped) {
        await step().catch((error: unknown) => this.failures.push((error as Error).message));
      }
    }

    async #read(index: number): Promise<void> {
      const secret = this.saved[Math.floor(Math.random() * this.saved.length)]!;
      const node = this.#nodes[index]!;
      // As if its five minutes in the cache were over.
      node.dataKeys.evict(secret.workspaceId);
      if ((await node.open(secret)) !== secret.secret) throw new Error('another secret');
      this.reads += 1;
    }

    async #write(index: number): Promise<void> {
      const node = this.#nodes[index]!;
      this.saved.push(await node.save(await node.addWorkspace()));
      this.writes += 1;
    }
  }

  it('fails no read and no write when the new key is published first', async () => {
    const seed = VaultNode.local(database, oldKey);
    await seed.crypto.verifyRootKey();
    const saved = await seed.addWorkspaces(100);
    const fleet = new Fleet(saved);
    for (const node of [0, 1]) await fleet.restart(node, oldKey, newKey);
    for (const node of [0, 1]) await fleet.restart(node, newKey, oldKey);
    const maintenance = VaultNode.local(database, newKey, oldKey);
    expect(await maintenance.rewrap.run({ batch: 20 })).toMatchObject({ unreadable: [], left: 0 });
    await maintenance.inspection.assertRetirable(oldKey.id);
    for (const node of [0, 1]) await fleet.restart(node, newKey);
    await fleet.stop();
    expect(fleet.failures).toEqual([]);
    expect(fleet.reads).toBeGreaterThanOrEqual(6 * READS);
    expect(fleet.writes).toBeGreaterThanOrEqual(6 * WRITES);
    const last = VaultNode.local(database, newKey);
    for (const secret of saved) expect(await last.open(secret)).toBe(secret.secret);
  });

  it('fails reads when it is not: the rule in docs/key-rotation.md is needed', async () => {
    const behind = VaultNode.local(database, oldKey);
    await behind.crypto.verifyRootKey();
    const ahead = VaultNode.local(database, newKey, oldKey);
    const saved = await ahead.save(await ahead.addWorkspace());
    await expect(behind.open(saved)).rejects.toThrow(
      'The data key is wrapped by a root key that is not configured.',
    );
  });
});
