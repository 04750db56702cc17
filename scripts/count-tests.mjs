// node scripts/count-tests.mjs <folder> <failed stages>: sums the Jest reports in the folder into one line.
// An empty report is a run that did not get as far as Jest: one failure, as is a suite that does not load.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder, failedStages] = process.argv.slice(2);
let passed = 0;
let failed = 0;
for (const name of readdirSync(folder)) {
  const text = readFileSync(join(folder, name), 'utf8');
  const report = text === '' ? { numPassedTests: 0, numFailedTests: 1 } : JSON.parse(text);
  passed += report.numPassedTests;
  failed += report.numFailedTests + (report.numRuntimeErrorTestSuites ?? 0);
}
failed = Math.max(failed, Number(failedStages));
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
