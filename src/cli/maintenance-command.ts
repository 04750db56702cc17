import { CommandRunner, Option } from 'nest-commander';
import { AppError, StartupError } from '../common';
import { KeyServiceUnavailable } from '../crypto';
import { MaintenanceSession } from './maintenance-session';

/** What a command found or did. */
export interface Report {
  /** For `--json`. */
  readonly facts: object;
  /** For people. */
  readonly lines: readonly string[];
  /** Whether something is left to be looked at: exit code 1. */
  readonly needsAttention?: boolean;
}

export interface CommonOptions {
  readonly json?: boolean;
}

const FAILED = 1;

/** A command: opens a session, works, prints. Neither a report nor an error holds key material. */
export abstract class MaintenanceCommand<Options extends CommonOptions> extends CommandRunner {
  protected abstract work(
    session: MaintenanceSession,
    options: Options,
    words: readonly string[],
  ): Promise<Report>;

  @Option({ flags: '--json', description: 'Print JSON' })
  parseJson(): boolean {
    return true;
  }

  async run(words: string[], options: Options): Promise<void> {
    try {
      const report = await this.workInSession(words, options);
      const text =
        options.json === true ? JSON.stringify(report.facts, null, 2) : report.lines.join('\n');
      process.stdout.write(`${text}\n`);
      if (report.needsAttention === true) process.exitCode = FAILED;
    } catch (error) {
      process.stderr.write(`keyrun: ${describe(error)}\n`);
      process.exitCode = error instanceof StartupError ? error.exitCode : FAILED;
    }
  }

  /** Overridden by a command that can do without a session. */
  protected async workInSession(words: readonly string[], options: Options): Promise<Report> {
    const session = await MaintenanceSession.open();
    try {
      return await this.work(session, options, words);
    } finally {
      await session.close();
    }
  }
}

function describe(error: unknown): string {
  if (error instanceof KeyServiceUnavailable) {
    return `The key service cannot be used (${error.fault}). What was done is kept; repeat the command.`;
  }
  if (error instanceof AppError || error instanceof StartupError) return error.message;
  // Messages of drivers may quote values.
  const { name, code } = error as { name?: string; code?: string };
  return `unexpected failure (${[name, code].filter((part) => part !== undefined).join(' ')})`;
}
