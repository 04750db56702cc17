import { fromReceipt, settlementRow, toReceipt } from '../../src/executions/ledger/ledger-rows';
import { COMPLETED, FAILED, LedgerBench, type LedgerServer } from '../support/ledger-bench';

describe('the sealed answers of executions that end', () => {
  let bench: LedgerBench;
  let server: LedgerServer;

  beforeAll(async () => {
    bench = await LedgerBench.start();
    server = await bench.server();
  });

  afterAll(async () => {
    await bench.close();
  });

  const start = async () => (await bench.start(server)).id;
  const stored = async (id: string) => {
    const rows = await bench.database.dataSource.query<{ sealed: Buffer }[]>(
      'SELECT sealed FROM execution_outputs WHERE execution_id = $1',
      [id],
    );
    return rows.map(({ sealed }) => sealed.toString('latin1'));
  };
  const rowOf = (id: string, sealedOutput: Buffer | null = null) =>
    settlementRow(bench.key(id), { ...COMPLETED, sealedOutput });

  it('each get to their own, however many share a statement', async () => {
    const ids = await Promise.all(Array.from({ length: 40 }, start));
    const answers = ids.map((_, index) => (index % 3 === 0 ? '' : `\0\xff${index}`.repeat(index)));
    const settled = ids.map((id, index) => {
      const answer = answers[index]!;
      const sealedOutput = answer === '' ? null : Buffer.from(answer, 'latin1');
      return server.ledger.settle(rowOf(id, sealedOutput));
    });
    expect(new Set(await Promise.all(settled))).toEqual(new Set([true]));
    for (const [index, id] of ids.entries()) {
      expect(await stored(id)).toEqual(answers[index] === '' ? [] : [answers[index]]);
    }
  });

  it('go beside the text of their receipt, which holds none of them', async () => {
    const id = await start();
    const [text, attachment] = toReceipt(rowOf(id, Buffer.from('secret answer')));
    expect(text).not.toContain('sealedOutput');
    expect(await server.ledger.settle(fromReceipt(text, attachment))).toBe(true);
    expect(await stored(id)).toEqual(['secret answer']);
  });

  it('are not stored for an execution that ended otherwise', async () => {
    const id = await start();
    await bench.settle(server, bench.key(id), FAILED);
    expect(await server.ledger.settle(rowOf(id, Buffer.from('late')))).toBe(false);
    expect(await stored(id)).toEqual([]);
  });

  it('are taken as the version before sends them, and left them in its journal', async () => {
    const [running, journaled] = [await start(), await start()];
    const formerRow = (id: string) => {
      const [text] = toReceipt(rowOf(id));
      const output = Buffer.from(`of ${id}`).toString('base64');
      return { ...(JSON.parse(text) as object), output };
    };
    await bench.database.runtime.query('SELECT settle_executions($1)', [
      JSON.stringify([formerRow(running)]),
    ]);
    expect(await stored(running)).toEqual([`of ${running}`]);
    const receipt = JSON.stringify(formerRow(journaled));
    expect(await server.ledger.settle(fromReceipt(receipt, null))).toBe(true);
    expect(await stored(journaled)).toEqual([`of ${journaled}`]);
  });
});
