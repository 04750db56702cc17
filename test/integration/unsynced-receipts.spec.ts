import * as fs from 'node:fs';
import { Client } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { ExecutionLedger } from '../../src/executions/ledger/execution-ledger';
import { Settlements } from '../../src/executions/ledger/settlements';
import { COMPLETED } from '../support/ledger-bench';
import { TestApp } from '../support/test-app';

/** The operating system, whose disk can be told to fail. */
jest.mock('node:fs', () => {
  const actual = jest.requireActual<typeof fs>('node:fs');
  return { ...actual, fdatasync: jest.fn(actual.fdatasync) };
});

const fdatasync = fs.fdatasync as unknown as jest.Mock;

describe('a receipt that may not be on disk, while the database is away', () => {
  let app: TestApp;
  let maintenance: Client;
  let database: string;

  beforeAll(async () => {
    app = await TestApp.start();
    const url = new URL(app.database.url.expose());
    database = url.pathname.slice(1);
    url.pathname = '/postgres';
    maintenance = new Client({ connectionString: url.href });
    await maintenance.connect();
  });

  afterAll(async () => {
    await maintenance.end();
    await app.close();
  });

  async function setAway(isAway: boolean): Promise<void> {
    await maintenance.query(`ALTER DATABASE ${database} ALLOW_CONNECTIONS ${!isAway}`);
    if (!isAway) return;
    await maintenance.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1',
      [database],
    );
  }

  it('is told as not recorded, and is told to the database when it is back', async () => {
    const { workspaceId } = app;
    const id = uuidv7();
    await app.app.get(ExecutionLedger, { strict: false }).start({
      ...{ id, workspaceId, agentId: 'agent', provider: 'echo', model: 'echo', apiKeyId: null },
      ...{ metadata: null, timeoutMs: 60_000, mode: 'sync', request: null, idempotency: null },
    });
    const settlements = app.app.get(Settlements, { strict: false });
    await setAway(true);
    fdatasync.mockImplementation((_descriptor, callback: (error: Error) => void) => {
      callback(Object.assign(new Error('no space left'), { code: 'ENOSPC' }));
    });
    const key = { executionId: id, workspaceId, attemptNumber: 1, fence: 1 };
    const recorded = settlements.record(key, COMPLETED);
    await expect(recorded).rejects.toMatchObject({
      code: 'ledger_unavailable',
      message: expect.stringMatching(
        /^The call was made and billed, .* Do not repeat it: read the/,
      ),
      options: {
        headers: { Location: app.path(`executions/${id}`) },
        extensions: { executionId: id, billed: 'yes' },
      },
    });
    // A client that obeyed it would pay twice.
    await expect(recorded).rejects.not.toHaveProperty('options.retryAfterMs');
    expect(settlements.missedCount).toBe(1);
    await setAway(false);
    await settlements.replay();
    const { body } = await app.request('get', app.path(`executions/${id}`)).expect(200);
    expect(body).toMatchObject({ status: 'completed' });
    expect(settlements.missedCount).toBe(0);
  });
});
