import { v7 as uuidv7 } from 'uuid';
import {
  attemptRow,
  type ExecutionStart,
  type LostStart,
  outcomeRow,
} from '../../src/executions/ledger/ledger-rows';
import { FAILED, LedgerBench, type LedgerServer, OUTCOME } from '../support/ledger-bench';

const ECHO = { provider: 'echo', model: 'echo', apiKeyId: null };

describe('an execution that the database lost with its last commits', () => {
  let bench: LedgerBench;
  let server: LedgerServer;

  beforeAll(async () => {
    bench = await LedgerBench.start();
  });

  afterAll(async () => {
    await bench.close();
  });

  beforeEach(async () => {
    server = await bench.server();
  });

  /** As its server remembers it: one attempt that failed, and a second one. */
  function remembered(more: Partial<ExecutionStart> = {}): LostStart & { id: string } {
    const id = uuidv7();
    const start = server.ledger.rowOf({
      ...ECHO,
      ...{ id, workspaceId: bench.workspaceId, agentId: 'agent', metadata: { ticket: 7 } },
      ...{ timeoutMs: 60_000, mode: 'sync', request: null, idempotency: null },
      ...more,
    });
    return {
      ...{ id, start },
      attempts: [attemptRow(bench.key(id, { attemptNumber: 2 }), ECHO)],
      outcomes: [outcomeRow(bench.key(id), { ...OUTCOME, ...FAILED.outcome })],
    };
  }

  const settle = (lost: LostStart & { id: string }, more: object = {}) => {
    const key = bench.key(lost.id, { attemptNumber: 2, ...more });
    return bench.settle(server, key, { lostStart: lost });
  };

  it('is made again, with every attempt, and ends', async () => {
    const lost = remembered({ idempotency: { key: 'lost', fingerprint: 'f' } });
    expect(await settle(lost)).toBe(true);
    expect(await bench.row(lost.id)).toMatchObject({
      status: 'completed',
      owner_id: null,
      fence: 1,
    });
    expect(await bench.outcomes(lost.id)).toMatchObject([
      { attempt: 1, revision: 1, billed: 'no' },
      { attempt: 2, revision: 1, billed: 'yes' },
    ]);
    const again = await bench.start(server, { idempotency: { key: 'lost', fingerprint: 'f' } });
    expect(again.takenBy).toBe(lost.id);
  });

  it('is made again without its key when somebody used that since', async () => {
    const idempotency = { key: 'used since', fingerprint: 'f' };
    const lost = remembered({ idempotency });
    const { id } = await bench.start(server, { idempotency });
    expect(await settle(lost)).toBe(true);
    expect((await bench.row(lost.id)).status).toBe('completed');
    expect((await bench.start(server, { idempotency })).takenBy).toBe(id);
  });

  it('is not made again when it is there and has ended', async () => {
    const lost = remembered();
    expect(await settle(lost)).toBe(true);
    expect(await settle(lost)).toBe(false);
    expect(await bench.outcomes(lost.id)).toHaveLength(2);
  });

  it('is not made again in a workspace that was deleted', async () => {
    const lost = remembered({ workspaceId: uuidv7() });
    expect(await settle(lost, { workspaceId: lost.start.workspace_id })).toBe(false);
    expect(await bench.row(lost.id)).toBeUndefined();
  });
});
