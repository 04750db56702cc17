import type { FindOptionsWhere, ObjectLiteral } from 'typeorm';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

describe('a condition whose value is missing', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase();
  });

  afterAll(async () => {
    await database.drop();
  });

  it('is refused for every column of every entity: it would be no condition at all', async () => {
    for (const dataSource of [database.dataSource, database.runtime]) {
      expect(dataSource.entityMetadatas.length).toBeGreaterThanOrEqual(10);
      for (const { target, columns } of dataSource.entityMetadatas) {
        for (const { propertyName } of columns) {
          for (const value of [undefined, null]) {
            const where = { [propertyName]: value } as unknown as FindOptionsWhere<ObjectLiteral>;
            const { manager } = dataSource;
            await expect(manager.findOneBy(target, where)).rejects.toThrow(/where condition/);
            await expect(manager.delete(target, where)).rejects.toThrow();
            await expect(manager.update(target, where, {})).rejects.toThrow();
          }
        }
      }
    }
  });
});
