import { Option, SubCommand } from 'nest-commander';
import { KeyInspection, type KeyStatus, type Verification } from '../crypto';
import { type CommonOptions, MaintenanceCommand, type Report } from './maintenance-command';
import type { MaintenanceSession } from './maintenance-session';

interface StatusOptions extends CommonOptions {
  readonly verify?: boolean;
}

const DAY_MS = 24 * 60 * 60 * 1_000;

@SubCommand({ name: 'status', description: 'Which root keys wrap how many data keys' })
export class StatusCommand extends MaintenanceCommand<StatusOptions> {
  @Option({
    flags: '--verify',
    description: 'Open every data key and every secret; mark what fails',
  })
  parseVerify(): boolean {
    return true;
  }

  protected async work(session: MaintenanceSession, options: StatusOptions): Promise<Report> {
    const inspection = session.get(KeyInspection);
    const status = await inspection.status();
    // What is opened under a former root key is re-wrapped, here too.
    if (options.verify === true) await session.assertServerKnowsRootKey();
    const verification = options.verify === true ? await inspection.verify() : null;
    const isUnknown = status.rootKeys.some(({ isConfigured }) => !isConfigured);
    const isUnreadable =
      verification !== null &&
      verification.unreadableDataKeys.length + verification.unreadableSecrets.length > 0;
    return {
      facts: { ...status, verification },
      lines: [...describeStatus(status), ...(verification === null ? [] : describe(verification))],
      needsAttention: isUnknown || isUnreadable,
    };
  }
}

function describeStatus({ rootKeys, activeRootKeyId, configuredRootKeyIds }: KeyStatus): string[] {
  const unused = configuredRootKeyIds.filter(
    (id) => !rootKeys.some(({ rootKeyId }) => rootKeyId === id),
  );
  return [
    `Active root key ${activeRootKeyId}`,
    ...rootKeys.map(({ rootKeyId, scheme, dataKeys, oldest, newest, isConfigured }) =>
      [
        `  ${rootKeyId}  ${scheme.padEnd(6)}  ${dataKeys} data keys, ${ageOf(newest)} to ${ageOf(oldest)} days old`,
        isConfigured ? '' : '  NOT CONFIGURED: they cannot be opened',
      ].join(''),
    ),
    ...unused.map((id) => `  ${id}          no data keys`),
  ];
}

function describe(verification: Verification): string[] {
  const { dataKeys, unreadableDataKeys, secrets, unreadableSecrets } = verification;
  return [
    `${dataKeys - unreadableDataKeys.length} of ${dataKeys} data keys open`,
    ...unreadableDataKeys.map(
      ({ dataKeyId, workspaceId, reason }) =>
        `  data key ${dataKeyId} of ${workspaceId ?? 'the server'}: ${reason}`,
    ),
    `${secrets - unreadableSecrets.length} of ${secrets} secrets open`,
    ...unreadableSecrets.map(
      ({ rowId, workspaceId, reason }) => `  key ${rowId} of workspace ${workspaceId}: ${reason}`,
    ),
  ];
}

function ageOf(time: Date): number {
  return Math.floor((Date.now() - time.getTime()) / DAY_MS);
}
