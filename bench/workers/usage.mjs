// The report of a month over many executions, of a workspace that is one of two.
import { createRequire } from 'node:module';
import { withOwnDatabase } from '../support/own-database.mjs';
import { quantile } from '../support/statistics.mjs';

const require = createRequire(import.meta.url);
require('reflect-metadata');
const { v7: uuidv7 } = require('uuid');
const { createDataSource } = require('../../dist/ormconfig.js');
const { Secret } = require('../../dist/src/common');
const { openDatabase, TenantDatabase } = require('../../dist/src/database');
const { UsageQueries } = require('../../dist/src/usage/usage-queries.js');

/** Half of them of the workspace; one in ten tried twice, one in ten not priced. */
async function fill(owner, workspaceIds, executions) {
  for (const [index, id] of workspaceIds.entries()) {
    await owner.query('INSERT INTO workspaces (id, name) VALUES ($1, $2)', [id, `bench ${index}`]);
  }
  await owner.query(
    `INSERT INTO agent_executions (id, workspace_id, agent_id, provider, model, status, created_at,
       deadline_at, completed_at, latency_ms, usage_source, input_tokens, output_tokens, cost_nano_usd)
     SELECT (left(first_execution_id(moment AT TIME ZONE 'UTC')::text, 13) || '-7'
              || right(gen_random_uuid()::text, 21))::uuid,
            CASE WHEN number % 2 = 0 THEN $1::uuid ELSE $2::uuid END,
            'agent-' || number % 7, 'openai', 'model-' || number % 5, 'completed', moment, moment,
            moment, number % 5000, 'provider', 100, 50,
            CASE WHEN number % 10 > 0 THEN 1234 END
       FROM generate_series(1, $3::integer) number,
            LATERAL (SELECT date_trunc('day', now()) - number * interval '28 days' / $3 AS moment)`,
    [...workspaceIds, executions],
  );
  await owner.query(`
    INSERT INTO execution_attempts (execution_id, attempt_number, workspace_id, provider, model, started_at)
    SELECT id, number, workspace_id, provider, model, created_at
      FROM agent_executions, generate_series(1, CASE WHEN latency_ms % 10 = 0 THEN 2 ELSE 1 END) number`);
  await owner.query(`
    INSERT INTO attempt_outcomes (execution_id, attempt_number, revision, workspace_id, billed,
      cost_nano_usd, latency_ms, ended_at)
    SELECT id, 1, 1, workspace_id, 'yes', cost_nano_usd, latency_ms, created_at FROM agent_executions`);
  await owner.query('ANALYZE');
}

async function measure({ url, executions, rounds }) {
  return withOwnDatabase(url, 'bench_usage', async (own) => {
    const runtime = await openDatabase(new Secret(own));
    const owner = await createDataSource(own).initialize();
    try {
      const workspaceIds = [uuidv7(), uuidv7()];
      await fill(owner, workspaceIds, executions);
      const queries = new UsageQueries(new TenantDatabase(runtime));
      const day = 86_400_000;
      const range = {
        workspaceId: workspaceIds[0],
        from: new Date(Date.now() - 30 * day),
        to: new Date(Date.now() + day),
      };
      const results = {};
      for (const groups of [['day'], ['day', 'provider', 'model', 'agent', 'apiKey']]) {
        const times = [];
        for (let round = 0; round < rounds; round += 1) {
          const begunAt = performance.now();
          const { totals } = await queries.sum(range, groups, { after: null, limit: 100 });
          if (totals.executions !== executions / 2) throw new Error('not all were added up');
          times.push(performance.now() - begunAt);
        }
        results[groups.join()] = quantile(times, 0.5);
      }
      return results;
    } finally {
      await owner.destroy();
      await runtime.destroy();
    }
  });
}

process.on('message', async (request) => process.send(await measure(request)));
process.once('disconnect', () => process.exit());
