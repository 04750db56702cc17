import { setTimeout as delay } from 'node:timers/promises';

import { Inject, Injectable } from '@nestjs/common';

import { CryptoRefused, type CryptoRefusal } from '../crypto.errors';
import type { StoredDataKey } from '../data-key.store';
import { KeyEncryption } from '../key-encryption.interface';
import { mapConcurrently } from './map-concurrently';
import { type RewrappedDataKey, RotationStore } from './rotation.store';

export const DEFAULT_BATCH = 500;
/** Exchanges with a key service at a time. */
const CONCURRENCY = 16;
/** How often, and with which pause, rows that another run has locked are waited for. */
const IDLE_PASSES = 20;
const IDLE_PAUSE_MS = 250;

/** How far a re-wrapping is, in data keys. */
export interface RewrapProgress {
  readonly done: number;
  readonly total: number;
  readonly perSecond: number;
}

/** A data key that does not open, and why. */
export interface UnreadableDataKey {
  readonly dataKeyId: string;
  readonly workspaceId: string | null;
  readonly rootKeyId: string;
  readonly reason: CryptoRefusal;
}

/** How a re-wrapping ended. */
export interface RewrapResult {
  readonly rewrapped: number;
  readonly unreadable: readonly UnreadableDataKey[];
  /** Data keys that another run still held locked at the end. */
  readonly left: number;
  readonly perSecond: number;
}

export interface RewrapOptions {
  readonly batch?: number;
  readonly onProgress?: (progress: RewrapProgress) => void;
  readonly idlePauseMs?: number;
}

/**
 * Re-wraps every data key under the active root key. Each batch is a transaction of its own, so a run that is killed
 * has lost nothing and the next one goes on; any number of runs may work at once, while the server serves.
 */
@Injectable()
export class RootKeyRewrap {
  constructor(
    @Inject(KeyEncryption) private readonly keyEncryption: KeyEncryption,
    private readonly store: RotationStore,
  ) {}

  /** @throws KeyServiceUnavailable with all finished batches kept */
  async run(options: RewrapOptions = {}): Promise<RewrapResult> {
    const { activeKeyId } = this.keyEncryption;
    const total = await this.store.countUnderOthers(activeKeyId);
    const pass = new Pass(total, options);
    let left = total;
    for (let idlePasses = 0; left > 0 && idlePasses < IDLE_PASSES;) {
      const before = pass.done;
      await this.#pass(pass, options.batch ?? DEFAULT_BATCH);
      left = await this.store.countUnderOthers(activeKeyId, [...pass.unreadable.keys()]);
      if (left === 0 || pass.done > before) continue;
      idlePasses += 1;
      await delay(options.idlePauseMs ?? IDLE_PAUSE_MS);
    }
    const unreadable = [...pass.unreadable.values()];
    return { rewrapped: pass.done, unreadable, left, perSecond: pass.perSecond };
  }

  async #pass(pass: Pass, limit: number): Promise<void> {
    const { activeKeyId } = this.keyEncryption;
    let after: string | null = null;
    do {
      let rewrapped = 0;
      after = await this.store.rewrapBatch({ activeKeyId, after, limit }, async (rows) => {
        const renewed = await this.#rewrapAll(rows, pass);
        rewrapped = renewed.length;
        return renewed;
      });
      if (rewrapped > 0) pass.advance(rewrapped);
    } while (after !== null);
  }

  async #rewrapAll(rows: readonly StoredDataKey[], pass: Pass): Promise<RewrappedDataKey[]> {
    const results = await mapConcurrently(rows, CONCURRENCY, (row) => this.#rewrap(row, pass));
    return results.filter((result) => result !== null);
  }

  async #rewrap(row: StoredDataKey, pass: Pass): Promise<RewrappedDataKey | null> {
    const context = { workspaceId: row.workspaceId, dataKeyId: row.id };
    let bytes: Buffer;
    try {
      bytes = await this.keyEncryption.unwrap(row.wrapped, context);
    } catch (error) {
      if (!(error instanceof CryptoRefused)) throw error;
      pass.unreadable.set(row.id, { ...context, rootKeyId: row.rootKeyId, reason: error.code });
      return null;
    }
    try {
      return { id: row.id, wrapped: await this.keyEncryption.wrap(bytes, context) };
    } finally {
      bytes.fill(0);
    }
  }
}

/** What one run has done so far. */
class Pass {
  done = 0;
  readonly unreadable = new Map<string, UnreadableDataKey>();
  readonly #startedAt = performance.now();

  constructor(
    private readonly total: number,
    private readonly options: RewrapOptions,
  ) {}

  get perSecond(): number {
    return Math.round((this.done * 1_000) / (performance.now() - this.#startedAt));
  }

  advance(rewrapped: number): void {
    this.done += rewrapped;
    const { done, total, perSecond } = this;
    // Workspaces that were made meanwhile by a node with the former root key.
    this.options.onProgress?.({ done, total: Math.max(done, total), perSecond });
  }
}
