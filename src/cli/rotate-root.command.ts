import { SubCommand } from 'nest-commander';
import { replaceRootKeyFile } from '../startup';
import { type CommonOptions, MaintenanceCommand, type Report } from './maintenance-command';
import type { MaintenanceSession } from './maintenance-session';

const LEAKED =
  'If the former root key leaked, re-wrapping is not enough: see "A root key leaked" in docs/key-rotation.md.';

@SubCommand({ name: 'rotate-root', description: 'Replace the root key in the data directory' })
export class RotateRootCommand extends MaintenanceCommand<CommonOptions> {
  protected async work(session: MaintenanceSession): Promise<Report> {
    const { environment } = session;
    if (environment.rootKey !== null || environment.keyServices.active !== 'local') {
      const steps = stepsOutside(environment.keyServices.active === 'local');
      return {
        facts: { rotated: false, steps },
        lines: ['Nothing was changed: the root key is not kept in the data directory.', ...steps],
        needsAttention: true,
      };
    }
    const { file, rootKeyId, formerRootKeyId } = await session.recorded(
      'root-key.rotated',
      () => replaceRootKeyFile(environment),
      (replaced) => ({ rootKeyId: replaced.rootKeyId, formerRootKeyId: replaced.formerRootKeyId }),
    );
    const steps = [
      `Back up ${file}.`,
      'Restart the server (every node, if several share the key).',
      'npm run keyrun -- keys rewrap',
      `npm run keyrun -- keys retire ${formerRootKeyId}`,
      LEAKED,
    ];
    return {
      facts: { rotated: true, rootKeyId, formerRootKeyId, file, steps },
      lines: [
        `Root key ${rootKeyId} takes the place of ${formerRootKeyId} at the next start.`,
        'Next:',
        ...numbered(steps),
      ],
    };
  }
}

function stepsOutside(isLocal: boolean): string[] {
  const steps = isLocal
    ? [
        'Make a key: openssl rand -base64 32. Keep a copy outside this machine.',
        'Add it to KEYRUN_PREVIOUS_ROOT_KEYS on every node and restart them one by one.',
        'On every node: set it as KEYRUN_ROOT_KEY, put the former one in KEYRUN_PREVIOUS_ROOT_KEYS; restart one by one.',
      ]
    : [
        'Make a new key in the key service.',
        'Add it at the END of KEYRUN_KMS_AWS_KEY_ID or KEYRUN_KMS_VAULT_KEY on every node and restart them one by one.',
        'Move it to the FRONT on every node; restart one by one.',
      ];
  return numbered([
    ...steps,
    'npm run keyrun -- keys rewrap',
    'npm run keyrun -- keys retire <former root key id>',
    LEAKED,
  ]);
}

function numbered(steps: readonly string[]): string[] {
  return steps.map((step, index) => `  ${index + 1}. ${step}`);
}
