import type { EntityManager } from 'typeorm';

import type { SealingContext } from '../sealing-context';

/** A sealed secret where it is stored. */
export interface SealedSecret {
  readonly context: SealingContext;
  readonly envelope: string;
}

/** A secret that was sealed again under another data key. */
export interface ResealedSecret extends SealedSecret {
  readonly newEnvelope: string;
}

/** Whether a stored secret opened when it was tried. */
export interface SecretVerdict extends SealedSecret {
  readonly opens: boolean;
}

/**
 * One table with sealed secrets, which its feature implements. Whoever stores envelopes and is missing here loses them
 * when a data key is rotated.
 */
export interface SecretStore {
  /** Every secret, in pages of at most `limit`, in the order of their row ids. */
  pages(limit: number): AsyncIterable<readonly SealedSecret[]>;

  /** Every secret of the workspace, each row locked until the transaction ends. */
  lock(workspaceId: string, transaction: EntityManager): Promise<readonly SealedSecret[]>;

  /**
   * Replaces envelopes of locked rows.
   * @returns how many rows still had the old envelope and now have the new one
   */
  replace(secrets: readonly ResealedSecret[], transaction: EntityManager): Promise<number>;

  /** Keeps what a verification found, unless the envelope was replaced meanwhile. */
  note(verdicts: readonly SecretVerdict[]): Promise<void>;
}

/** All of them. */
export type SecretStores = readonly SecretStore[];

export const SecretStores = Symbol('SecretStores');
