import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { TOKENS } from './leak-canary/canaries';
import { PROJECT_ROOT } from './server-process';

/** `npm run canary`: every end-to-end test, for a quarter of an hour; else those that handle keys and tokens. */
const RUNS_ALL = process.env.KEYRUN_CANARY === 'all';

jest.setTimeout(RUNS_ALL ? 3_600_000 : 300_000);

/** Requests that handle keys and tokens, rightly, wrongly and against a hostile provider. */
const FLOWS = ['api-key-secrecy', 'bad-json', 'bad-keys', 'access-tokens', 'execution-failures'];

/** What keys look like in these tests. */
const KEYS = /sk-(?:ant-|proj-)?(?:test|canary)[\w-]*/gi;

/** Every line that the servers of a run of Jest logged. */
async function run(patterns: readonly string[]): Promise<{ code: number; log: string[] }> {
  const jest = join(PROJECT_ROOT, 'node_modules', 'jest', 'bin', 'jest.js');
  const words = ['--experimental-vm-modules', '--no-warnings', jest, '--runInBand'];
  const child = spawn(process.execPath, [...words, ...patterns], {
    cwd: PROJECT_ROOT,
    env: { PATH: process.env.PATH, KEYRUN_TEST_LOG_LEVEL: 'trace' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log: string[] = [];
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', (line) => {
      if (line.startsWith('{"level":')) log.push(line);
    });
  }
  const [code] = (await once(child, 'close')) as [number];
  return { code, log };
}

describe('the end-to-end tests of keys and tokens', () => {
  it('leave none of them in a log that says everything', async () => {
    const { code, log } = await run(
      RUNS_ALL ? ['test/e2e/'] : FLOWS.map((name) => `test/e2e/${name}\\.`),
    );
    expect([code, log.some((line) => line.includes('"status":201'))]).toEqual([0, true]);
    expect(log.length).toBeGreaterThan(200);
    const hits = log.flatMap((line) => [
      ...(line.match(TOKENS) ?? []),
      ...(line.match(KEYS) ?? []),
    ]);
    expect(hits).toEqual([]);
    // The last layer had to help with nothing but paths.
    const helped = log.map((line) => line.replace(/"path":"[^"]*"/, ''));
    expect(helped.filter((line) => line.includes('[scrubbed]'))).toEqual([]);
  });
});
