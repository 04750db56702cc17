import type { QueryRunner } from 'typeorm';
import { LedgerBench } from '../support/ledger-bench';

describe('the functions of keyrun_definer', () => {
  let bench: LedgerBench;
  let runtime: QueryRunner;

  beforeAll(async () => {
    bench = await LedgerBench.start();
    runtime = bench.database.runtime.createQueryRunner();
    await runtime.query('CREATE TEMPORARY TABLE trap (id uuid)');
  });

  afterAll(async () => {
    await runtime.release();
    await bench.close();
  });

  it('may be executed by nobody but those that are named', async () => {
    const open = await bench.database.dataSource.query<object[]>(`
      SELECT proname FROM pg_proc
       WHERE pronamespace = 'public'::regnamespace AND prosecdef
         AND (proacl IS NULL OR EXISTS (SELECT FROM aclexplode(proacl) WHERE grantee = 0)
           OR prorettype = 'trigger'::regtype AND has_function_privilege('keyrun_runtime', oid, 'EXECUTE'))`);
    expect(open).toEqual([]);
  });

  it.each(['close_unsent_attempts', 'delete_execution_details', 'forget_request'])(
    'let nobody hang %s on a table of their own, to reach any workspace',
    async (name) => {
      const { id } = await bench.start(await bench.server());
      const attack = async () => {
        await runtime.query(`
          CREATE TRIGGER trap AFTER INSERT OR DELETE ON trap FOR EACH ROW EXECUTE FUNCTION ${name}()`);
        await runtime.query('INSERT INTO trap VALUES ($1)', [id]);
        await runtime.query('DELETE FROM trap');
      };
      await expect(attack()).rejects.toThrow(`permission denied for function ${name}`);
      expect(await bench.outcomes(id)).toEqual([]);
      const attempts = await bench.database.dataSource.query<object[]>(
        'SELECT FROM execution_attempts WHERE execution_id = $1',
        [id],
      );
      expect(attempts).toHaveLength(1);
    },
  );

  it('fire where they belong, on partitions that are made later too', async () => {
    await bench.database.runtime.query('SELECT ensure_execution_partitions(9)');
    const [counted] = await bench.database.dataSource.query<{ partitions: string }[]>(`
      SELECT count(*) AS partitions FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
       WHERE relispartition AND tgfoid = 'close_unsent_attempts'::regproc`);
    expect(Number(counted!.partitions)).toBeGreaterThanOrEqual(10);
    const server = await bench.server();
    const { id } = await bench.start(server);
    await bench.database.dataSource.query('DELETE FROM agent_executions WHERE id = $1', [id]);
    const left = await bench.database.dataSource.query<object[]>(
      'SELECT FROM execution_attempts WHERE execution_id = $1',
      [id],
    );
    expect(left).toEqual([]);
  });
});
