import { createTestDatabase, type TestDatabase } from '../support/test-database';

describe('migrations', () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await createTestDatabase();
  });

  afterEach(async () => {
    await database.drop();
  });

  it('build exactly the schema of the entities', async () => {
    const difference = await database.dataSource.driver.createSchemaBuilder().log();
    expect(difference.upQueries.map((query) => query.query)).toEqual([]);
  });

  it('each revert, leaving nothing, and run again', async () => {
    const { dataSource } = database;
    const migrations = dataSource.migrations.length;
    for (let step = 0; step < migrations; step += 1) await dataSource.undoLastMigration();
    const leftovers = await dataSource.query<{ name: string }[]>(`
      SELECT relname AS name FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE 'migrations%'
          AND relkind <> 'i'
      UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace`);
    expect(leftovers).toEqual([]);
    expect(await dataSource.runMigrations()).toHaveLength(migrations);
  });

  it('partitions start at the first id of each UTC month and leave no gap', async () => {
    const rows = await database.dataSource.query<{ bounds: string }[]>(`
      SELECT pg_get_expr(relpartbound, oid) AS bounds FROM pg_class
        WHERE relispartition AND relname LIKE 'agent_executions_2%' AND relkind = 'r' ORDER BY relname`);
    const bounds = rows.map((row) =>
      [...row.bounds.matchAll(/'([0-9a-f-]{36})'/g)].map((match) => match[1]!),
    );
    expect(bounds).toHaveLength(5);
    for (const [index, [from]] of bounds.entries()) {
      const start = new Date(Number.parseInt(from!.replaceAll('-', '').slice(0, 12), 16));
      expect(start.toISOString()).toMatch(/^\d{4}-\d{2}-01T00:00:00\.000Z$/);
      if (index > 0) expect(from).toBe(bounds[index - 1]![1]);
    }
  });
});
