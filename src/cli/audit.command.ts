import { Command, CommandRunner, Option, SubCommand } from 'nest-commander';
import { type AuditVerification, AuditVerifier, InvalidExport, verifyExport } from '../audit';
import { DeleteAgainCommand } from './delete-again.command';
import { ExportAuditCommand } from './export-audit.command';
import { linesOf } from './export-file';
import { type CommonOptions, MaintenanceCommand, type Report } from './maintenance-command';
import type { MaintenanceSession } from './maintenance-session';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export interface VerifyOptions extends CommonOptions {
  readonly workspace?: string;
  readonly file?: string;
}

/** One chain that was verified. */
interface Result {
  readonly name: string;
  /** Null: the file is no export. */
  readonly verification: AuditVerification | null;
  readonly line: string;
}

/** `keyrun audit verify`: prints one line per chain; exit code 1 when one of them is broken. */
@SubCommand({
  name: 'verify',
  description: 'Recompute the audit trail: of every workspace and the server, of one, or of a file',
})
export class VerifyAuditCommand extends MaintenanceCommand<VerifyOptions> {
  @Option({ flags: '--workspace <id>', description: 'The chain of this workspace only' })
  parseWorkspace(text: string): string {
    if (!UUID.test(text)) throw new Error('--workspace wants the id of a workspace.');
    return text.toLowerCase();
  }

  @Option({ flags: '--file <path>', description: 'An export (NDJSON); needs no database' })
  parseFile(text: string): string {
    return text;
  }

  protected override async workInSession(
    words: readonly string[],
    options: VerifyOptions,
  ): Promise<Report> {
    const { workspace, file } = options;
    if (file === undefined || workspace !== undefined) return super.workInSession(words, options);
    return toReport([await verifyFile(file)]);
  }

  /** With both options the chain of the workspace must also continue that of the file. */
  protected async work(
    session: MaintenanceSession,
    { workspace, file }: VerifyOptions,
  ): Promise<Report> {
    const verifier = session.get(AuditVerifier);
    const results: Result[] = file === undefined ? [] : [await verifyFile(file)];
    if (workspace !== undefined) {
      const head = results[0]?.verification?.head;
      results.push(toResult(workspace, await verifier.verify(workspace, head)));
    } else {
      for await (const verification of verifier.verifyAll()) {
        results.push(toResult(verification.workspaceId ?? 'server', verification));
      }
    }
    return toReport(results);
  }
}

@Command({
  name: 'audit',
  description:
    'The audit trail: verify it, export it, delete again what it says. See docs/audit.md.',
  subCommands: [VerifyAuditCommand, ExportAuditCommand, DeleteAgainCommand],
})
export class AuditCommand extends CommandRunner {
  run(): Promise<void> {
    this.command.help();
    return Promise.resolve();
  }
}

async function verifyFile(path: string): Promise<Result> {
  try {
    const verification = await verifyExport(linesOf(path));
    return toResult(`${verification.workspaceId ?? 'server'} (file)`, verification);
  } catch (error) {
    if (!(error instanceof InvalidExport)) throw error;
    return { name: path, verification: null, line: `${path}: BROKEN: ${error.message}` };
  }
}

function toResult(name: string, verification: AuditVerification): Result {
  const { events, head, firstBroken } = verification;
  const state =
    firstBroken === null
      ? `ok, ends with ${head?.sequence ?? 0} ${head?.hash ?? ''}`
      : `BROKEN at event ${firstBroken.sequence}: ${firstBroken.reason}`;
  return { name, verification, line: `${name}: ${events} events, ${state}` };
}

function toReport(results: readonly Result[]): Report {
  return {
    facts: { chains: results.map(({ name, verification }) => ({ name, verification })) },
    lines: results.map(({ line }) => line),
    needsAttention: results.some(({ verification }) => verification?.ok !== true),
  };
}
