import { Logger } from '@nestjs/common';
import { Client } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { type AttemptKey, settlementRow } from '../../src/executions/ledger/ledger-rows';
import { RecentReceipts } from '../../src/executions/ledger/recent-receipts';
import { DatabaseWatch } from '../../src/executions/lifecycle/database-watch';
import { until } from '../process/server-process';
import { COMPLETED, LedgerBench, type LedgerServer } from '../support/ledger-bench';

describe('a database that is replaced by an older copy of itself', () => {
  let bench: LedgerBench;
  let server: LedgerServer;
  let maintenance: Client;
  let name: string;
  let recent: RecentReceipts;
  let watch: DatabaseWatch;
  let warned: jest.SpyInstance;

  beforeEach(async () => {
    bench = await LedgerBench.start();
    server = await bench.server();
    const url = new URL(bench.database.url.expose());
    name = url.pathname.slice(1);
    url.pathname = '/postgres';
    maintenance = new Client({ connectionString: url.href });
    await maintenance.connect();
    recent = new RecentReceipts();
    watch = new DatabaseWatch(bench.database.runtime, server.ledger, recent);
    warned = jest.spyOn(Logger.prototype, 'warn').mockReturnValue();
  });

  afterEach(async () => {
    warned.mockRestore();
    await bench.close();
    for (const other of ['copy', 'lost']) {
      await maintenance.query(`DROP DATABASE IF EXISTS ${name}_${other}`);
    }
    await maintenance.end();
  });

  /** What is done when nobody is connected. */
  async function alone(...statements: string[]): Promise<void> {
    await maintenance.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    await maintenance.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1',
      [name],
    );
    for (const statement of statements) await maintenance.query(statement);
    await maintenance.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
    const { runtime, dataSource } = bench.database;
    for (const connection of [runtime, dataSource]) {
      await until('a connection', () =>
        connection.query('SELECT 1').then(
          () => true,
          () => null,
        ),
      );
    }
  }

  const copy = () => alone(`CREATE DATABASE ${name}_copy TEMPLATE ${name}`);
  const replace = () =>
    alone(
      `ALTER DATABASE ${name} RENAME TO ${name}_lost`,
      `ALTER DATABASE ${name}_copy RENAME TO ${name}`,
    );

  async function settle(key: AttemptKey, more = {}): Promise<void> {
    const row = settlementRow(key, { ...COMPLETED, ...more });
    expect(await server.ledger.settle(row)).toBe(true);
    recent.keep(row);
  }

  it('is told again what it lost, once', async () => {
    const { id } = await bench.start(server);
    await copy();
    await watch.look();
    await settle(bench.key(id));
    const later = uuidv7();
    const start = server.ledger.rowOf({
      ...{ id: later, workspaceId: bench.workspaceId, agentId: 'agent', provider: 'echo' },
      ...{ model: 'echo', apiKeyId: null, metadata: null, timeoutMs: 60_000, mode: 'sync' },
      ...{ request: null, idempotency: null },
    });
    await bench.database.runtime.query('SELECT start_executions($1)', [JSON.stringify([start])]);
    await settle(bench.key(later), { lostStart: { start, attempts: [], outcomes: [] } });
    await replace();
    expect((await bench.row(id)).status).toBe('running');
    expect(await bench.row(later)).toBeUndefined();

    await watch.look();
    for (const told of [id, later]) {
      expect((await bench.row(told)).status).toBe('completed');
      expect(await bench.outcomes(told)).toMatchObject([{ attempt: 1, revision: 1 }]);
    }
    await watch.look();
    expect(warned).toHaveBeenCalledTimes(1);
    expect(warned).toHaveBeenCalledWith({
      message: expect.stringContaining('replaced'),
      receipts: 2,
      lost: 2,
    });
  });

  it('is not taken for another one because its connections broke', async () => {
    const { id } = await bench.start(server);
    await watch.look();
    await settle(bench.key(id));
    await alone();
    await watch.look();
    expect(warned).not.toHaveBeenCalled();
  });

  it('is told at the next look what it did not take at this one', async () => {
    const { id } = await bench.start(server);
    await copy();
    await watch.look();
    await settle(bench.key(id));
    await replace();
    const { dataSource } = bench.database;
    await dataSource.query('ALTER FUNCTION settle_executions(json, bytea) RENAME TO settle_away');
    await expect(watch.look()).rejects.toThrow('settle_executions');
    await dataSource.query('ALTER FUNCTION settle_away(json, bytea) RENAME TO settle_executions');
    await watch.look();
    expect((await bench.row(id)).status).toBe('completed');
  });
});
