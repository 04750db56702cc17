import { Option, SubCommand } from 'nest-commander';
import { AuditExports, type AuditRecord, InvalidExport, verifyExport } from '../audit';
import { EXIT_CODE, StartupError } from '../common';
import { linesOf } from './export-file';
import { type CommonOptions, MaintenanceCommand, type Report } from './maintenance-command';
import type { MaintenanceSession } from './maintenance-session';
import { concernsRestoredRows, RestoredRows, type StaleRow } from './restored-rows';

interface DeleteAgainOptions extends CommonOptions {
  readonly confirm?: boolean;
}

/**
 * `keyrun audit delete-again <export>…`: after a backup was restored, deletes what an export of the audit trail, made
 * after that backup, says was deleted. An export that is incomplete, was edited or is of another database is refused.
 */
@SubCommand({
  name: 'delete-again',
  arguments: '<export...>',
  description: 'After restoring a backup: delete again what later exports say was deleted',
})
export class DeleteAgainCommand extends MaintenanceCommand<DeleteAgainOptions> {
  @Option({ flags: '--confirm', description: 'Delete; without it, only say what is back' })
  parseConfirm(): boolean {
    return true;
  }

  protected async work(
    session: MaintenanceSession,
    { confirm = false }: DeleteAgainOptions,
    files: readonly string[],
  ): Promise<Report> {
    const exports = session.get(AuditExports);
    const rows = session.get(RestoredRows);
    const events: AuditRecord[] = [];
    for (const file of files) events.push(...(await readExport(file, exports)));
    const back = await rows.deleted(events);
    if (confirm && back.length > 0) await rows.deleteAgain(back);
    return toReport(back, await rows.stale(events), await rows.ownerless(), confirm);
  }
}

/** @throws {StartupError} when the file is not, whole, a chain of this database */
async function readExport(file: string, exports: AuditExports): Promise<AuditRecord[]> {
  const events: AuditRecord[] = [];
  const ends: AuditRecord[] = [];
  try {
    const { workspaceId, firstBroken } = await verifyExport(linesOf(file), (event) => {
      ends[ends.length === 0 ? 0 : 1] = event;
      if (concernsRestoredRows(event)) events.push(event);
    });
    if (firstBroken !== null) {
      throw refused(file, `is broken at event ${firstBroken.sequence}: ${firstBroken.reason}`);
    }
    if (!isOfThisDatabase(await exports.origin(workspaceId), ends)) {
      throw refused(file, 'is the trail of another database');
    }
  } catch (error) {
    throw error instanceof InvalidExport ? refused(file, `is no export: ${error.message}`) : error;
  }
  return events;
}

/**
 * Whether an export may be a later state of the chain that has this origin. The chain of the server is empty in many a
 * backup, and begins anew after it was restored.
 * @param ends - first and last event of the export.
 */
function isOfThisDatabase(origin: AuditRecord | null, ends: readonly AuditRecord[]): boolean {
  const [first, last = first] = ends;
  if (origin === null || first === undefined || last === undefined) return true;
  const isNewer = origin.workspaceId === null && origin.occurredAt > last.occurredAt;
  return origin.hash === first.hash || isNewer;
}

function refused(file: string, reason: string): StartupError {
  return new StartupError(`${file} ${reason}. Nothing was deleted.`, EXIT_CODE.configuration);
}

function toReport(
  back: readonly AuditRecord[],
  stale: readonly StaleRow[],
  ownerless: readonly string[],
  isDone: boolean,
): Report {
  const nameOf = ({ subjectType, subjectId, workspaceId }: AuditRecord) =>
    `${subjectType} ${subjectId ?? ''}${workspaceId === null ? '' : ` of workspace ${workspaceId}`}`;
  const ended = isDone ? 'deleted again' : 'back';
  return {
    facts: {
      isDone,
      back: back.map(({ action, workspaceId, subjectId, occurredAt }) => ({
        ...{ action, workspaceId, subjectId, occurredAt },
      })),
      stale: stale.map(({ event: { action, workspaceId, subjectId, occurredAt } }) => ({
        ...{ action, workspaceId, subjectId, occurredAt },
      })),
      ownerless,
    },
    lines: [
      ...back.map((event) => `${nameOf(event)}: ${ended}; it ended ${event.occurredAt}`),
      ...stale.map(({ event, advice }) => `${nameOf(event)}: ${advice}`),
      ...ownerless.map((id) => `workspace ${id}: has no owner now`),
      isDone || back.length === 0
        ? `${back.length} deleted again`
        : `${back.length} to delete again. Nothing was changed yet: repeat with --confirm`,
    ],
    needsAttention: stale.length > 0 || ownerless.length > 0 || (!isDone && back.length > 0),
  };
}
