import { Logger } from '@nestjs/common';

import { CryptoRefused } from '../crypto.errors';
import type { MonotonicClock } from '../opened-key-cache';
import {
  DATA_KEY_BYTES,
  type DataKeyContext,
  type KeyEncryption,
} from '../key-encryption.interface';
import { formatWrappedDataKey, keyServiceKeyId, parseWrappedDataKey } from '../wrapped-data-key';
import { type KeyServiceClient, TOTAL_TIMEOUT_MS } from './key-service-client';
import { KeyServiceUnavailable } from './key-service-unavailable';
import { isOutage, OutageGate } from './outage-gate';

/** How long a refused unwrapping answers for the next ones of the same text. */
const REFUSAL_MEMORY_MS = 1_000;
const REFUSALS_REMEMBERED = 1_000;

export interface RemoteKeyEncryptionOptions {
  readonly totalTimeoutMs?: number;
  readonly now?: MonotonicClock;
}

interface RememberedRefusal {
  readonly error: unknown;
  readonly until: number;
}

/** A root key that never leaves its key service. */
export class RemoteKeyEncryption implements KeyEncryption {
  readonly activeKeyId: string;
  readonly keyIds: readonly string[];

  readonly #client: KeyServiceClient;
  readonly #totalTimeoutMs: number;
  readonly #now: MonotonicClock;
  readonly #gate: OutageGate;
  readonly #refusals = new Map<string, RememberedRefusal>();

  constructor(client: KeyServiceClient, options: RemoteKeyEncryptionOptions = {}) {
    this.activeKeyId = keyServiceKeyId(client.scheme, client.keyName);
    this.keyIds = [this.activeKeyId];
    this.#client = client;
    this.#totalTimeoutMs = options.totalTimeoutMs ?? TOTAL_TIMEOUT_MS;
    this.#now = options.now ?? (() => performance.now());
    const logger = new Logger('KeyService');
    const { scheme } = client;
    this.#gate = new OutageGate(this.#now, (fault) => {
      const rootKeyId = this.activeKeyId;
      logger.warn({ message: 'the key service cannot be used', scheme, rootKeyId, fault });
    });
  }

  async wrap(dataKey: Buffer, context: DataKeyContext): Promise<string> {
    if (dataKey.length !== DATA_KEY_BYTES) {
      throw new RangeError(`A data key has ${DATA_KEY_BYTES} bytes.`);
    }
    const { scheme } = this.#client;
    const payload = await this.#ask((signal) => this.#client.encrypt(dataKey, context, signal));
    return formatWrappedDataKey({ scheme, rootKeyId: this.activeKeyId, payload });
  }

  async unwrap(wrapped: string, context: DataKeyContext): Promise<Buffer> {
    const { scheme, rootKeyId, payload } = parseWrappedDataKey(wrapped);
    if (scheme !== this.#client.scheme) throw new CryptoRefused('malformed');
    if (rootKeyId !== this.activeKeyId) throw new CryptoRefused('root_key_unknown');
    if (!this.#client.isPayload(payload)) throw new CryptoRefused('malformed');
    const memoryKey = `${context.workspaceId ?? ''}/${context.dataKeyId}/${payload}`;
    this.#throwRemembered(memoryKey);
    try {
      return await this.#ask((signal) => this.#client.decrypt(payload, context, signal));
    } catch (error) {
      if (!isOutage(error)) this.#remember(memoryKey, error);
      throw error;
    }
  }

  async #ask<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#gate.pass(async () => {
      const signal = AbortSignal.timeout(this.#totalTimeoutMs);
      return beforeDeadline(onGoodConnection(call, signal), signal);
    });
  }

  #throwRemembered(memoryKey: string): void {
    const failure = this.#refusals.get(memoryKey);
    if (failure === undefined) return;
    if (this.#now() < failure.until) throw failure.error;
    this.#refusals.delete(memoryKey);
  }

  #remember(memoryKey: string, error: unknown): void {
    this.#refusals.set(memoryKey, { error, until: this.#now() + REFUSAL_MEMORY_MS });
    for (const oldest of this.#refusals.keys()) {
      if (this.#refusals.size <= REFUSALS_REMEMBERED) return;
      this.#refusals.delete(oldest);
    }
  }
}

/** Both operations change nothing at the service, so a connection that broke earns a second one. */
async function onGoodConnection<T>(
  call: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  try {
    return await call(signal);
  } catch (error) {
    if (!(error instanceof KeyServiceUnavailable) || error.fault !== 'unreachable') throw error;
    return call(signal);
  }
}

/** Also bounds what does not listen to the signal, such as the search for AWS credentials. */
function beforeDeadline<T>(exchange: Promise<T>, signal: AbortSignal): Promise<T> {
  const deadline = new Promise<never>((_resolve, reject) => {
    const stop = () => {
      reject(new KeyServiceUnavailable('timeout'));
    };
    signal.addEventListener('abort', stop, { once: true });
  });
  return Promise.race([deadline, exchange]);
}
