// npm run check: everything that must hold before a change is merged, in the order of its cost.
// Words after `--` go to Jest.
import { spawnSync } from 'node:child_process';
import { root } from './build.mjs';

const STEPS = [
  { name: 'format', words: ['run', '--silent', 'format'] },
  { name: 'lint', words: ['run', '--silent', 'lint'] },
  { name: 'types', words: ['run', '--silent', 'types'] },
  { name: 'arrows', words: ['run', '--silent', 'arrows'] },
  { name: 'tests', words: ['test', '--silent', '--', ...process.argv.slice(2)] },
];

const durations = [];
for (const { name, words } of STEPS) {
  console.log(`check: ${name}`);
  const startedAt = performance.now();
  const { status } = spawnSync('npm', words, { cwd: root, stdio: 'inherit' });
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  if (status !== 0) {
    console.error(`check: ${name} FAILED after ${seconds} s; run it alone: ${alone(name)}`);
    process.exit(1);
  }
  durations.push(`${name} ${seconds} s`);
}
console.log(`check: all passed (${durations.join(', ')})`);

function alone(name) {
  return name === 'tests' ? 'npm test' : `npm run ${name}`;
}
