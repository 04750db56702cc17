import { StartupError } from '../common';
import { Environment } from '../config';
import { banner } from './banner';
import { type RunningServer, startServer } from './start-server';

/** How long the requests under way may take to finish after a signal. */
const DRAIN_MS = 30_000;

/** The whole life of the process: start, serve, drain once on SIGINT or SIGTERM, exit. */
export async function runServer(): Promise<void> {
  // npm and a terminal may both deliver the signal; also while the start is still under way.
  const signalled = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.on(signal, () => {
        resolve();
      });
  });
  // Whoever read our output may be gone; that must not end a server.
  process.stdout.on('error', () => undefined);
  try {
    const server = await startServer(Environment.fromProcess());
    process.stdout.write(banner({ ...server, isTerminal: process.stdout.isTTY }));
    await signalled;
    await drain(server);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`keyrun: ${describe(error)}\n`);
    process.exit(error instanceof StartupError ? error.exitCode : 1);
  }
}

async function drain(server: RunningServer): Promise<void> {
  process.stdout.write('keyrun: finishing the requests under way\n');
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise((resolve) => (timer = setTimeout(resolve, DRAIN_MS)));
  await Promise.race([server.close(), limit]);
  clearTimeout(timer);
}

function describe(error: unknown): string {
  if (error instanceof StartupError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : 'unexpected failure';
}
