import { randomBytes } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import { CryptoService } from '../../src/crypto';
import { TestApp } from '../support/test-app';

/** How often a guess made PostgreSQL look at the table, and how many of its rows it read. */
interface Looks {
  readonly seqScans: number;
  readonly rowsBySeqScan: number;
  readonly indexScans: number;
  readonly rowsByIndex: number;
}

const OTHERS = 2_000;

/**
 * Whoever guesses a secret and measures the time must learn nothing from how near the guess is. So nothing compares
 * secrets: what is looked up is a keyed digest, and what is read does not depend on a guess that is wrong.
 */
describe('the look-up of a secret', () => {
  let app: TestApp;
  let session: string;

  beforeAll(async () => {
    app = await TestApp.start();
    const started = await app.request('post', '/api/session').send({}).expect(201);
    [session = ''] = /kr_ses_[\w-]+/.exec(String(started.headers['set-cookie'])) ?? [];
    const owner = app.database.dataSource;
    for (const table of ['access_tokens', 'sessions']) {
      await owner.query(
        `INSERT INTO ${table} SELECT other.* FROM ${table} one, generate_series(1, $1) AS number,
           jsonb_populate_record(one, jsonb_build_object('id', gen_random_uuid(),
             'digest', '\\x' || encode(sha256(number::text::bytea), 'hex'))) AS other LIMIT $1`,
        [OTHERS],
      );
      await owner.query(`ANALYZE ${table}`);
    }
  });

  afterAll(async () => {
    await app.close();
  });

  const digestOf = (text: string) =>
    app.app.get(CryptoService, { strict: false }).digestToken(text);

  /** Counts of this connection, which also has those of the last moments before. */
  const countsOf = async (manager: EntityManager, table: string) => {
    const [counts] = await manager.query<[Looks]>(
      `SELECT seq_scan::integer AS "seqScans", seq_tup_read::integer AS "rowsBySeqScan",
              idx_scan::integer AS "indexScans", idx_tup_fetch::integer AS "rowsByIndex"
         FROM pg_stat_xact_user_tables WHERE relname = $1`,
      [table],
    );
    return counts;
  };

  async function looksOf(table: string, authenticate: string, digest: Buffer): Promise<Looks> {
    return app.database.runtime.transaction(async (manager) => {
      const before = await countsOf(manager, table);
      await manager.query(`SELECT * FROM ${authenticate}($1, NULL)`, [digest]);
      const after = await countsOf(manager, table);
      return {
        seqScans: after.seqScans - before.seqScans,
        rowsBySeqScan: after.rowsBySeqScan - before.rowsBySeqScan,
        indexScans: after.indexScans - before.indexScans,
        rowsByIndex: after.rowsByIndex - before.rowsByIndex,
      };
    });
  }

  it.each([
    ['access_tokens', 'authenticate_access_token', () => app.ownerToken],
    ['sessions', 'authenticate_session', () => session],
  ])('in %s reads no row for a wrong guess, however near', async (table, authenticate, secret) => {
    const right = await digestOf(secret());
    const nearest = Buffer.from(right);
    nearest.writeUInt8(nearest.readUInt8(31) ^ 1, 31);
    const guesses = [
      nearest,
      Buffer.concat([right.subarray(0, 16), randomBytes(16)]),
      await digestOf(`${secret().slice(0, -1)}~`),
      randomBytes(32),
      Buffer.alloc(32),
      Buffer.alloc(32, 255),
    ];
    const looks: Looks[] = [];
    for (const guess of guesses) looks.push(await looksOf(table, authenticate, guess));
    const [first] = looks;
    expect(first!.indexScans).toBeGreaterThan(0);
    for (const look of looks) {
      expect(look).toEqual({ ...first, seqScans: 0, rowsBySeqScan: 0, rowsByIndex: 0 });
    }
    const hit = await looksOf(table, authenticate, right);
    expect(hit.seqScans).toBe(0);
    expect(hit.rowsByIndex).toBeGreaterThan(0);
  });

  it('is by a digest that tells nothing of how near a guess is', async () => {
    const pairs = 400;
    let bits = 0;
    let sameFirstByte = 0;
    for (let pair = 0; pair < pairs; pair += 1) {
      const text = `kr_pat_${randomBytes(18).toString('hex')}`;
      const [one, other] = [await digestOf(`${text}a`), await digestOf(`${text}b`)];
      bits += one.reduce((sum, byte, index) => sum + bitsOf(byte ^ other[index]!), 0);
      if (one[0] === other[0]) sameFirstByte += 1;
    }
    // Half of 256 bits, give or take eight deviations of the mean; one pair in 256, give or take as many.
    expect(Math.abs(bits / pairs - 128)).toBeLessThan((8 * 8) / Math.sqrt(pairs));
    expect(sameFirstByte).toBeLessThan(12);
  });
});

function bitsOf(byte: number): number {
  return byte.toString(2).replaceAll('0', '').length;
}
