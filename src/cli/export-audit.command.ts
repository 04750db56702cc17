import { join } from 'node:path';
import { SubCommand } from 'nest-commander';
import { AuditExports } from '../audit';
import { makeFolder, writeExportFile } from './export-file';
import { type CommonOptions, MaintenanceCommand, type Report } from './maintenance-command';
import type { MaintenanceSession } from './maintenance-session';

/** `keyrun audit export <folder>`: what `audit delete-again` and `audit verify --file` read. */
@SubCommand({
  name: 'export',
  arguments: '<folder>',
  description: 'Write every chain into a new file: server.ndjson and one per workspace',
})
export class ExportAuditCommand extends MaintenanceCommand<CommonOptions> {
  protected async work(
    session: MaintenanceSession,
    _options: CommonOptions,
    [folder = '']: readonly string[],
  ): Promise<Report> {
    const exports = session.get(AuditExports);
    await makeFolder(folder);
    const files: string[] = [];
    for (const workspaceId of await exports.owners()) {
      const file = join(folder, `${workspaceId ?? 'server'}.ndjson`);
      await writeExportFile(file, exports.lines(workspaceId));
      files.push(file);
    }
    return { facts: { files }, lines: files };
  }
}
