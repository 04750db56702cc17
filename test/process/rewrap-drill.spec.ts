import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  generateRootKey,
  LocalKeyEncryption,
  parseRootKey,
  PostgresDataKeyStore,
} from '../../src/crypto';
import { Secret } from '../../src/common';
import { TenantDatabase } from '../../src/database';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { VaultNode } from '../support/vault-node';
import { CommandProcess, runKeys } from './command-process';

/** 50 in `npm run drill:rewrap`. */
const KILLS = Number(process.env.KEYRUN_DRILL_KILLS ?? 8);
const WORKSPACES = 600;
const BATCH = 5;

jest.setTimeout(60_000 + KILLS * 20_000);

/** So that the check itself re-wraps nothing. */
class ReadOnlyStore extends PostgresDataKeyStore {
  override replaceWrapped(): Promise<boolean> {
    return Promise.resolve(false);
  }
}

const parse = (text: string) => parseRootKey(new Secret(text), 'KEYRUN_ROOT_KEY');

describe('a re-wrapping that is killed', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase();
  });

  afterAll(async () => {
    await database.drop();
  });

  /** Kills the command with SIGKILL once it has reported so many batches, and a little later. */
  async function killAfter(batches: number, settings: Record<string, string>): Promise<void> {
    const command = new CommandProcess(['keys', 'rewrap', '--batch', String(BATCH)], settings);
    const reported = new Promise<void>((resolve) => {
      command.child.stderr!.on('data', () => {
        if (command.stderr.split('\n').length > batches) resolve();
      });
    });
    await Promise.race([reported, command.finished]);
    await delay(randomInt(8));
    command.child.kill('SIGKILL');
    await command.finished;
  }

  it(`loses nothing at ${KILLS} random points, and a last run finishes it`, async () => {
    let [from, to] = [generateRootKey().expose(), generateRootKey().expose()];
    const seed = VaultNode.local(database, parse(from));
    await seed.crypto.verifyRootKey();
    const saved = await seed.addWorkspaces(WORKSPACES);
    const settings = () => ({
      DATABASE_URL: database.url.expose(),
      KEYRUN_ROOT_KEY: to,
      KEYRUN_PREVIOUS_ROOT_KEYS: from,
    });
    let killedHalfway = 0;
    for (let kill = 0; kill < KILLS; kill += 1) {
      const left = await seed.store.countUnderOthers(parse(to).id);
      await killAfter(randomInt(1, Math.max(2, Math.ceil(left / BATCH))), settings());
      const keyEncryption = new LocalKeyEncryption(parse(to), [parse(from)]);
      const reader = new VaultNode(
        database,
        keyEncryption,
        new ReadOnlyStore(database.runtime, new TenantDatabase(database.runtime)),
      );
      expect(await reader.inspection.verify()).toEqual({
        dataKeys: WORKSPACES + 1,
        unreadableDataKeys: [],
        secrets: WORKSPACES,
        unreadableSecrets: [],
      });
      const stillLeft = await seed.store.countUnderOthers(parse(to).id);
      if (stillLeft > 0 && stillLeft < left) killedHalfway += 1;
      if (stillLeft < WORKSPACES / 10) [from, to] = [to, from];
    }
    expect(killedHalfway).toBeGreaterThan(KILLS / 2);
    expect(await runKeys(['rewrap'], settings())).toMatchObject({ code: 0 });
    const last = VaultNode.local(database, parse(to));
    await last.crypto.verifyRootKey();
    for (const secret of saved) expect(await last.open(secret)).toBe(secret.secret);
    process.stdout.write(`${killedHalfway} of ${KILLS} kills hit a run halfway\n`);
  });
});
