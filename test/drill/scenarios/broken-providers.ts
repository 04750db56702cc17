import { join } from 'node:path';
import { PROJECT_ROOT } from '../../process/server-process';
import type { DrillSite, Node } from '../support/drill-site';
import { auditedClean, type Finding, inWords, onSite } from '../support/scenario';

const PRELOAD = `--require ${join(PROJECT_ROOT, 'test', 'process', 'preload', 'broken-provider.cjs')}`;
const ECHO = { provider: 'echo', model: 'echo', timeoutMs: 1_000 };
const LIMIT_MS = 10_000;

/** What the provider does, what the client is told of it, and how the ledger counts it. */
const FAULTS = [
  { tag: 'throws', status: 500, code: 'internal', billed: 'unknown' },
  { tag: 'throws-text', status: 500, code: 'internal', billed: 'unknown' },
  { tag: 'hangs', status: 504, code: 'timeout_no_response', billed: 'unknown' },
  { tag: 'nothing', status: 500, code: 'internal', billed: 'unknown' },
] as const;

/** A provider that keeps no rule of its contract ends its own executions, and touches no others. */
export async function breakProvider(): Promise<Finding> {
  return onSite(
    async (site, node) => {
      site.upstream.plan = () => ({ kind: 'hold' });
      const others = [site.run(node, 'other'), site.run(node, 'streamed', { stream: true })];
      for (const stream of [false, true]) {
        for (const fault of FAULTS) await expectFault(site, node, fault, stream);
        const late = await site.run(node, 'late', { stream, fields: ECHO });
        expect(late).toMatchObject({ status: stream ? 200 : 201, content: 'late' });
      }
      site.upstream.release();
      const told = await Promise.all(others);
      expect(told.map(({ content }) => content)).toEqual(['other', 'streamed']);
      expect(await site.run(node, 'sound', { fields: ECHO })).toMatchObject({ status: 201 });
      const { counts } = await auditedClean(site);
      expect((await node.process.stop()).code).toBe(0);
      expect(node.process.stderr).toBe('');
      return `${FAULTS.length + 1} faults, each twice; ledger: ${inWords(counts)}`;
    },
    { NODE_OPTIONS: PRELOAD },
  );
}

async function expectFault(
  site: DrillSite,
  node: Node,
  { tag, status, code, billed }: (typeof FAULTS)[number],
  stream: boolean,
): Promise<void> {
  const startedAt = performance.now();
  const told = await site.run(node, tag, { stream, fields: ECHO });
  expect(told).toMatchObject({ tag, status, code });
  expect(performance.now() - startedAt).toBeLessThan(LIMIT_MS);
  const [row] = await site.sql('SELECT status, error FROM agent_executions WHERE id = $1', [
    told.executionId,
  ]);
  expect([tag, row]).toMatchObject([tag, { status: 'failed', error: { code, billed } }]);
}
