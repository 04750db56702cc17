import { PreparedStatements } from '../../src/database';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

const DOUBLE = { name: 'double', text: 'SELECT $1::int * 2 AS doubled, pg_backend_pid() AS pid' };

describe('a prepared statement', () => {
  let database: TestDatabase;
  let statements: PreparedStatements;

  beforeAll(async () => {
    database = await createTestDatabase();
    statements = new PreparedStatements(database.runtime);
  });

  afterAll(async () => {
    await database.drop();
  });

  const double = async (value: unknown) => {
    const [row] = await statements.run<{ doubled: number; pid: number }>(DOUBLE, [value]);
    return row!;
  };

  it('is parsed once on a connection, and run as often as it is asked for', async () => {
    expect((await double(21)).doubled).toBe(42);
    expect((await double(4)).doubled).toBe(8);
    const known = {
      name: 'known',
      text: 'SELECT name, generic_plans + custom_plans AS runs FROM pg_prepared_statements',
    };
    expect(await statements.run(known, [])).toContainEqual({ name: 'double', runs: '2' });
  });

  it('works again on a new connection when PostgreSQL ended the former one', async () => {
    const { pid } = await double(1);
    await database.dataSource.query('SELECT pg_terminate_backend($1)', [pid]);
    const again = await double(3).catch(() => double(3));
    expect(again.doubled).toBe(6);
    expect(again.pid).not.toBe(pid);
  });

  it('fails with the code of PostgreSQL', async () => {
    await expect(double('x')).rejects.toMatchObject({ code: '22P02' });
    expect((await double(5)).doubled).toBe(10);
  });
});
