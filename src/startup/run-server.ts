import { EXIT_CODE, StartupError } from '../common';
import { Environment } from '../config';
import { banner } from './banner';
import { restrictDiagnosticReports } from './diagnostic-report';
import { guardOutput } from './guard-output';
import { endInOrder, reportFatal } from './last-resort';
import { type RunningServer, startServer } from './start-server';

/** How long the requests under way may take to finish after a signal. */
const DRAIN_MS = 30_000;

/** The whole life of the process: start, serve, drain once on SIGINT or SIGTERM, exit. */
export async function runServer(): Promise<void> {
  const show = guardOutput();
  restrictDiagnosticReports();
  let server: RunningServer | undefined;
  // What PostgreSQL needs to end in order is that this process ends; the rest is courtesy.
  endInOrder(async () => server?.close());
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
    server = await startServer(Environment.fromProcess());
    show(banner({ ...server, isTerminal: process.stdout.isTTY }));
    await signalled;
    await drain(server);
    process.exit(0);
  } catch (error) {
    fail(error);
  }
}

function fail(error: unknown): never {
  if (!(error instanceof StartupError)) {
    reportFatal('start', error);
    process.exit(EXIT_CODE.software);
  }
  process.stderr.write(`keyrun: ${error.message}\n`);
  process.exit(error.exitCode);
}

async function drain(server: RunningServer): Promise<void> {
  process.stdout.write('keyrun: finishing the requests under way\n');
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise((resolve) => (timer = setTimeout(resolve, DRAIN_MS)));
  await Promise.race([server.close(), limit]);
  clearTimeout(timer);
}
