import { SubCommand } from 'nest-commander';
import { AppError } from '../common';
import { KeyInspection } from '../crypto';
import { retireRootKeyInFile } from '../startup';
import { type CommonOptions, MaintenanceCommand, type Report } from './maintenance-command';
import type { MaintenanceSession } from './maintenance-session';

@SubCommand({
  name: 'retire',
  arguments: '<root-key-id>',
  description: 'Take a root key out of use; refused while a data key needs it',
})
export class RetireCommand extends MaintenanceCommand<CommonOptions> {
  protected async work(
    session: MaintenanceSession,
    _options: CommonOptions,
    [rootKeyId = '']: readonly string[],
  ): Promise<Report> {
    await session.assertServerKnowsRootKey();
    const inspection = session.get(KeyInspection);
    await inspection.assertRetirable(rootKeyId);
    const { configuredRootKeyIds } = await inspection.status();
    if (!configuredRootKeyIds.includes(rootKeyId)) {
      throw new AppError('not_found', `No root key ${rootKeyId} is configured here.`);
    }
    const file = await session.recorded(
      'root-key.retired',
      () => retireRootKeyInFile(session.environment, rootKeyId),
      () => ({ rootKeyId }),
    );
    const retiredAt = new Date().toISOString();
    return {
      facts: { rootKeyId, retiredAt, file },
      lines: [
        `No data key needs root key ${rootKeyId} any more.`,
        file === null
          ? 'Remove it from the settings of every node (KEYRUN_PREVIOUS_ROOT_KEYS, KEYRUN_KMS_…).'
          : `It was moved to ${file}, which the server does not read.`,
        `Backups made before ${retiredAt} still need it: keep it as long as you keep them.`,
      ],
    };
  }
}
