// Loaded into a server under test with NODE_OPTIONS=--require. The process ends as if by `kill -9` the first time that
// it comes to the point that KEYRUN_TEST_CRASH names: `before:` or `after:` a step in the life of an execution.
const { existsSync } = require('node:fs');
const { join } = require('node:path');

const [moment, step] = (process.env.KEYRUN_TEST_CRASH ?? '').split(':');
const built = (path) => join(module.path, '..', '..', '..', 'dist', 'src', path);

const STEPS = {
  start: ['executions/ledger/execution-ledger.js', 'ExecutionLedger', 'start'],
  call: ['ai-providers/retry/provider-calls.js', 'ProviderCalls', 'run'],
  append: ['receipt-journal/receipt-journal.js', 'ReceiptJournal', 'append'],
  settle: ['executions/ledger/execution-ledger.js', 'ExecutionLedger', 'settle'],
  acknowledge: ['receipt-journal/receipt-journal.js', 'ReceiptJournal', 'acknowledge'],
  outcome: ['executions/ledger/execution-ledger.js', 'ExecutionLedger', 'recordOutcome'],
  attempt: ['executions/ledger/execution-ledger.js', 'ExecutionLedger', 'startAttempt'],
  claim: ['executions/async/queued-executions.js', 'QueuedExecutions', 'claim'],
};

function crash() {
  process.kill(process.pid, 'SIGKILL');
  // The signal comes at once, but not within this very instruction.
  for (;;);
}

/** Compilers that are started with the same environment have no such class. */
if (step !== undefined && existsSync(built(STEPS[step][0])) && isServer()) {
  const [path, className, method] = STEPS[step];
  const { prototype } = require(built(path))[className];
  const original = prototype[method];
  prototype[method] = function (...values) {
    if (moment === 'before') crash();
    const result = original.apply(this, values);
    if (typeof result?.then !== 'function') crash();
    return result.then(crash, crash);
  };
}

function isServer() {
  return process.argv[1]?.endsWith('main.js') === true;
}
