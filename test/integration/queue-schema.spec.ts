import { getRollbackPlans } from 'pg-boss';
import type { DataSource } from 'typeorm';
import { openDatabase } from '../../src/database';
import { PgBossExecutionQueue } from '../../src/queue/pg-boss-execution-queue';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

const JOB = { executionId: 'an execution', workspaceId: 'a workspace' };

describe('the schema of the queue', () => {
  let database: TestDatabase;
  let owner: DataSource;

  beforeEach(async () => {
    database = await createTestDatabase();
    owner = database.dataSource;
  });

  afterEach(async () => {
    await database.drop();
  });

  /** What each start of a server does. */
  const startAgain = async () => (await openDatabase(database.url)).destroy();

  const contents = () =>
    owner.query(`
      SELECT relname AS name, relacl::text AS grants, NULL AS options FROM pg_class
        WHERE relnamespace = 'pgboss'::regnamespace AND relname NOT LIKE 'queue_stats_2%'
      UNION ALL
      SELECT name, policy, (to_jsonb(queue) - 'updated_on')::text FROM pgboss.queue ORDER BY 1`);

  async function enqueueAndTake(): Promise<unknown> {
    const queue = new PgBossExecutionQueue(database.runtime);
    try {
      await queue.onModuleInit();
      await database.runtime.transaction((manager) => queue.enqueue(manager, JOB));
      return await queue.take(10);
    } finally {
      await queue.close();
    }
  }

  it('is left as it is by every further start, with what waits in it', async () => {
    await owner.query(`INSERT INTO pgboss.job (name, data) VALUES ('executions', '{}')`);
    const before = await contents();
    expect(before.length).toBeGreaterThan(20);
    await startAgain();
    expect(await contents()).toEqual(before);
    expect(await owner.query('SELECT name FROM pgboss.job')).toEqual([{ name: 'executions' }]);
  });

  it('is brought up to date by a start, from the version before', async () => {
    const versions = () => owner.query<{ version: number }[]>('SELECT version FROM pgboss.version');
    const [installed] = await versions();
    await owner.query(getRollbackPlans('pgboss', installed!.version));
    expect((await versions())[0]!.version).toBeLessThan(installed!.version);
    await expect(enqueueAndTake()).rejects.toThrow('requires migrations');
    await startAgain();
    expect(await versions()).toEqual([installed]);
    expect(await enqueueAndTake()).toEqual([JOB]);
  });

  it('gets options and grants back that somebody changed', async () => {
    const before = await contents();
    await owner.query(`UPDATE pgboss.queue SET retry_limit = 5`);
    await owner.query(`GRANT ALL ON ALL TABLES IN SCHEMA pgboss TO keyrun_runtime`);
    await startAgain();
    expect(await contents()).toEqual(before);
  });

  it.each([
    ['make a table', 'CREATE TABLE pgboss.mine ()'],
    ['make a queue', `SELECT pgboss.create_queue('mine', '{"policy":"standard"}')`],
    ['delete a queue', `SELECT pgboss.delete_queue('executions')`],
    ['have wake-ups repeated', 'UPDATE pgboss.queue SET retry_limit = 5'],
    ['keep them for ever', 'UPDATE pgboss.queue SET deletion_seconds = 0'],
    ['empty the queue at once', 'TRUNCATE pgboss.job'],
    ['pretend another version', 'UPDATE pgboss.version SET version = 1'],
    ['have a command run by the owner', 'INSERT INTO pgboss.bam VALUES (DEFAULT)'],
    ['schedule anything', 'SELECT * FROM pgboss.schedule'],
    ['subscribe to anything', 'SELECT * FROM pgboss.subscription'],
    ['leave a warning', 'SELECT * FROM pgboss.warning'],
    ['keep statistics', 'SELECT * FROM pgboss.queue_stats'],
    ['change a function', `ALTER FUNCTION pgboss.job_now() RENAME TO later`],
  ])('does not let the application %s', async (_, statement) => {
    await expect(database.runtime.query(statement)).rejects.toMatchObject({
      code: '42501',
    });
  });

  it('lets the application send, take and clean up', async () => {
    expect(await enqueueAndTake()).toEqual([JOB]);
  });
});
