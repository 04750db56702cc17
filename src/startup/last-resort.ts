import { writeSync } from 'node:fs';
import { describeFailure, EXIT_CODE, scrubJson } from '../common';

/** How long the close may take: the process is in a state that nobody foresaw. */
const CLOSE_MS = 5_000;
const STANDARD_ERROR = 2;

/**
 * Ends the process in order after an error that nobody caught: one line of JSON with its class, code and place, never
 * its message, then `close`, then exit code 70. Node's own report of it would print the message and its properties.
 */
export function endInOrder(close: () => Promise<unknown>): void {
  let ending: Promise<void> | null = null;
  const end = (origin: string, error: unknown) => {
    reportFatal(origin, error);
    ending ??= closeWithin(close).finally(() => process.exit(EXIT_CODE.software));
  };
  process.on('uncaughtException', (error, origin) => {
    end(origin, error);
  });
  process.on('unhandledRejection', (reason) => {
    end('unhandledRejection', reason);
  });
}

/** Prints the line at once: the process may not live to see a stream drained. */
export function reportFatal(origin: string, error: unknown): void {
  const line = JSON.stringify({
    level: 60,
    time: Date.now(),
    pid: process.pid,
    context: 'Fatal',
    origin,
    ...describeSafely(error),
    msg: 'unexpected error; the process ends',
  });
  try {
    writeSync(STANDARD_ERROR, `${scrubJson(line)}\n`);
  } catch {
    // Nobody reads it any more.
  }
}

/** What was thrown may even throw when it is looked at. */
function describeSafely(error: unknown): object {
  try {
    return describeFailure(error);
  } catch {
    return { thrown: 'unreadable' };
  }
}

async function closeWithin(close: () => Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise((resolve) => (timer = setTimeout(resolve, CLOSE_MS)));
  await Promise.race([close().catch(() => undefined), limit]);
  clearTimeout(timer);
}
