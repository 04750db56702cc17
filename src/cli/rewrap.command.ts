import { Option, SubCommand } from 'nest-commander';
import { EXIT_CODE, StartupError } from '../common';
import { type RewrapProgress, type RewrapResult, RootKeyRewrap } from '../crypto';
import { type CommonOptions, MaintenanceCommand, type Report } from './maintenance-command';
import type { MaintenanceSession } from './maintenance-session';

interface RewrapCommandOptions extends CommonOptions {
  readonly batch?: string;
}

const LARGEST_BATCH = 10_000;

@SubCommand({ name: 'rewrap', description: 'Wrap every data key under the active root key' })
export class RewrapCommand extends MaintenanceCommand<RewrapCommandOptions> {
  @Option({ flags: '--batch <number>', description: 'Data keys per transaction (default 500)' })
  parseBatch(text: string): string {
    return text;
  }

  protected async work(
    session: MaintenanceSession,
    { batch }: RewrapCommandOptions,
  ): Promise<Report> {
    const size = batch === undefined ? undefined : parseBatch(batch);
    await session.assertServerKnowsRootKey();
    const result = await session.get(RootKeyRewrap).run({ batch: size, onProgress: show });
    return {
      facts: result,
      lines: describe(result),
      needsAttention: result.left > 0 || result.unreadable.length > 0,
    };
  }
}

function parseBatch(text: string): number {
  const batch = Number(text);
  if (/^\d+$/.test(text) && batch >= 1 && batch <= LARGEST_BATCH) return batch;
  throw new StartupError(
    `--batch must be a whole number from 1 to ${LARGEST_BATCH}.`,
    EXIT_CODE.configuration,
  );
}

/** On the other stream, so that the report stays alone on stdout. */
function show({ done, total, perSecond }: RewrapProgress): void {
  const secondsLeft = Math.ceil((total - done) / Math.max(perSecond, 1));
  process.stderr.write(
    `${done} of ${total} data keys, ${perSecond} per second, ${secondsLeft} s left\n`,
  );
}

function describe({ rewrapped, unreadable, left, perSecond }: RewrapResult): string[] {
  const lines = [`${rewrapped} data keys re-wrapped (${perSecond} per second)`];
  for (const { dataKeyId, workspaceId, reason } of unreadable) {
    lines.push(
      `  data key ${dataKeyId} of ${workspaceId ?? 'the server'} does not open: ${reason}`,
    );
  }
  if (left > 0) lines.push(`${left} data keys are held by another run. Repeat when it has ended.`);
  return lines;
}
