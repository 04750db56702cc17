import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Command, CommandRunner, Option, SubCommand } from 'nest-commander';
import { type AuditVerification, AuditVerifier, InvalidExport } from '../audit';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export interface VerifyOptions {
  readonly workspace?: string;
  readonly file?: string;
}

/** `keyrun audit verify`: prints one line per chain; exit code 1 when one of them is broken. */
@SubCommand({
  name: 'verify',
  description: 'Recompute the audit trail: of every workspace and the server, of one, or of a file',
})
export class VerifyAuditCommand extends CommandRunner {
  constructor(private readonly verifier: AuditVerifier) {
    super();
  }

  /** With both options the chain of the workspace must also continue that of the file. */
  async run(_arguments: string[], { workspace, file }: VerifyOptions): Promise<void> {
    const exported = file === undefined ? null : await this.verifyFile(file);
    if (exported !== null) report(`${exported.workspaceId ?? 'server'} (file)`, exported);
    if (workspace !== undefined) {
      report(workspace, await this.verifier.verify(workspace, exported?.head));
    } else if (file === undefined) {
      for await (const result of this.verifier.verifyAll()) {
        report(result.workspaceId ?? 'server', result);
      }
    }
  }

  @Option({ flags: '--workspace <id>', description: 'The chain of this workspace only' })
  parseWorkspace(text: string): string {
    if (!UUID.test(text)) throw new Error('--workspace wants the id of a workspace.');
    return text.toLowerCase();
  }

  @Option({ flags: '--file <path>', description: 'An export (NDJSON); needs no database' })
  parseFile(text: string): string {
    return text;
  }

  private async verifyFile(path: string): Promise<AuditVerification | null> {
    const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity });
    try {
      return await this.verifier.verifyExport(lines);
    } catch (error) {
      if (!(error instanceof InvalidExport)) throw error;
      process.stdout.write(`${path}: BROKEN: ${error.message}\n`);
      process.exitCode = 1;
      return null;
    }
  }
}

@Command({
  name: 'audit',
  description: 'The audit trail',
  subCommands: [VerifyAuditCommand],
})
export class AuditCommand extends CommandRunner {
  run(): Promise<void> {
    this.command.help();
  }
}

function report(name: string, { ok, events, head, firstBroken }: AuditVerification): void {
  const state =
    firstBroken === null
      ? `ok, ends with ${head?.sequence ?? 0} ${head?.hash ?? ''}`
      : `BROKEN at event ${firstBroken.sequence}: ${firstBroken.reason}`;
  process.stdout.write(`${name}: ${events} events, ${state}\n`);
  if (!ok) process.exitCode = 1;
}
