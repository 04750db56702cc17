import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const PROJECT_ROOT = join(__dirname, '..', '..');

export interface CommandResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `npm run keyrun -- …` in a process of its own, with an environment of its own. */
export class CommandProcess {
  stdout = '';
  stderr = '';
  readonly finished: Promise<CommandResult>;
  readonly child: ChildProcess;

  constructor(words: readonly string[], variables: Readonly<Record<string, string>>) {
    const script = join(PROJECT_ROOT, 'scripts', 'keyrun.mjs');
    this.child = spawn(process.execPath, [script, ...words], {
      cwd: PROJECT_ROOT,
      env: { PATH: process.env.PATH, ...variables },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.finished = once(this.child, 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  /** Resolves at the first line of progress, or when the command has ended. */
  async started(): Promise<void> {
    await Promise.race([once(this.child.stderr!, 'data'), this.finished]);
  }
}

export async function runCommand(
  words: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<CommandResult> {
  return new CommandProcess(words, variables).finished;
}

export async function runKeys(
  words: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<CommandResult> {
  return runCommand(['keys', ...words], variables);
}
