import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { TOKENS } from './leak-canary/canaries';
import { PROJECT_ROOT } from './server-process';

jest.setTimeout(300_000);

/** Requests that handle keys and tokens, rightly, wrongly and against a hostile provider. */
const FLOWS = ['api-key-secrecy', 'bad-json', 'bad-keys', 'access-tokens', 'execution-failures'];

/** What keys look like in these tests. */
const KEYS = /sk-(?:ant-|proj-)?(?:test|canary)[\w-]*/gi;

/** Everything that the run of Jest wrote. */
async function run(patterns: readonly string[]): Promise<{ code: number; output: string }> {
  const jest = join(PROJECT_ROOT, 'node_modules', 'jest', 'bin', 'jest.js');
  const words = ['--experimental-vm-modules', '--no-warnings', jest, '--runInBand'];
  const child = spawn(process.execPath, [...words, ...patterns], {
    cwd: PROJECT_ROOT,
    env: { PATH: process.env.PATH, KEYRUN_TEST_LOG_LEVEL: 'trace' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const [code] = (await once(child, 'close')) as [number];
  return { code, output };
}

describe('the end-to-end tests of keys and tokens', () => {
  it('leave none of them in a log that says everything', async () => {
    const { code, output } = await run(FLOWS.map((name) => `test/e2e/${name}\\.`));
    expect([code, /"status":201/.test(output)]).toEqual([0, true]);
    const log = output.split('\n').filter((line) => line.startsWith('{"level":'));
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
