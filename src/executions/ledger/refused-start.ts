import { OutdatedAssumption } from '../../workspaces';
import type { StartedRow } from './execution-ledger';

/** The key belongs to another execution, so nothing was started. */
export class IdempotencyKeyTaken extends Error {
  constructor(
    readonly executionId: string,
    readonly fingerprint: string,
  ) {
    super('the idempotency key belongs to another execution');
  }
}

/**
 * @throws {IdempotencyKeyTaken}
 * @throws {OutdatedAssumption}
 */
export function refuseUnstarted({ isOutdated, takenBy, takenFingerprint }: StartedRow): void {
  if (isOutdated) throw new OutdatedAssumption();
  if (takenBy !== null) throw new IdempotencyKeyTaken(takenBy, takenFingerprint ?? '');
}
