import { isUUID } from 'class-validator';
import { Option, SubCommand } from 'nest-commander';
import { StartupError, EXIT_CODE } from '../common';
import { DataKeyRotation } from '../crypto';
import { type CommonOptions, MaintenanceCommand, type Report } from './maintenance-command';
import type { MaintenanceSession } from './maintenance-session';

interface RotateDataKeyOptions extends CommonOptions {
  readonly workspace?: string;
  readonly all?: boolean;
}

@SubCommand({
  name: 'rotate-data-key',
  description: 'Make a new data key and seal the secrets of the workspace again',
})
export class RotateDataKeyCommand extends MaintenanceCommand<RotateDataKeyOptions> {
  @Option({ flags: '--workspace <id>', description: 'The workspace' })
  parseWorkspace(text: string): string {
    return text.toLowerCase();
  }

  @Option({ flags: '--all', description: 'Every workspace, after a root key leaked' })
  parseAll(): boolean {
    return true;
  }

  protected async work(
    session: MaintenanceSession,
    { workspace, all }: RotateDataKeyOptions,
  ): Promise<Report> {
    await session.assertServerKnowsRootKey();
    const rotation = session.get(DataKeyRotation);
    if (all === true && workspace === undefined) return rotateAll(rotation);
    if (workspace === undefined || !isUUID(workspace) || all === true) {
      throw new StartupError(
        'Give --workspace with the id of a workspace (a UUID), or --all.',
        EXIT_CODE.configuration,
      );
    }
    const rotated = await rotation.rotate(workspace);
    return {
      facts: { workspaceId: workspace, ...rotated },
      lines: [
        `Data key ${rotated.id}: ${rotated.secrets} secrets sealed again, the old one is gone`,
      ],
    };
  }
}

async function rotateAll(rotation: DataKeyRotation): Promise<Report> {
  const { rotated, refused } = await rotation.rotateAll();
  return {
    facts: { rotated, refused },
    lines: [
      `${rotated} data keys replaced`,
      ...refused.map(({ workspaceId, reason }) => `  workspace ${workspaceId}: ${reason}`),
    ],
    needsAttention: refused.length > 0,
  };
}
