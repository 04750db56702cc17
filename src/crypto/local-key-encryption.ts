import { open, seal } from './aes-gcm';
import { encodeAssociatedData } from './associated-data';
import { CryptoRefused } from './crypto.errors';
import {
  DATA_KEY_BYTES,
  type DataKeyContext,
  type KeyEncryption,
} from './key-encryption.interface';
import type { RootKey } from './root-key';

const DOMAIN = 'keyrun/data-key/v1';

/** Stands for "no workspace". Cannot collide with a workspace, whose id is a UUID. */
const SYSTEM = 'system';

/** 16 characters are 12 whole bytes and 80 are 60: neither length has a second, non-canonical spelling. */
const WRAPPED = /^w1:local:([A-Za-z0-9_-]{16}):([A-Za-z0-9_-]{80})$/;

/** Root keys from the configuration of this server: one wraps and unwraps, the previous ones unwrap only. */
export class LocalKeyEncryption implements KeyEncryption {
  readonly activeKeyId: string;
  readonly keyIds: readonly string[];

  readonly #activeKey: RootKey;
  readonly #rootKeys: ReadonlyMap<string, RootKey>;

  constructor(activeKey: RootKey, previousKeys: readonly RootKey[] = []) {
    this.#activeKey = activeKey;
    this.#rootKeys = new Map([activeKey, ...previousKeys].map((key) => [key.id, key]));
    this.activeKeyId = activeKey.id;
    this.keyIds = [...this.#rootKeys.keys()];
  }

  // `then`, so that every throw below becomes a rejection, as it does with a key service.
  wrap(dataKey: Buffer, context: DataKeyContext): Promise<string> {
    return Promise.resolve().then(() => this.#wrap(dataKey, context));
  }

  unwrap(wrapped: string, context: DataKeyContext): Promise<Buffer> {
    return Promise.resolve().then(() => this.#unwrap(wrapped, context));
  }

  #wrap(dataKey: Buffer, context: DataKeyContext): string {
    if (dataKey.length !== DATA_KEY_BYTES) {
      throw new RangeError(`A data key has ${DATA_KEY_BYTES} bytes.`);
    }
    const { id, key } = this.#activeKey;
    const sealed = seal(key, dataKey, dataKeyAssociatedData(id, context));
    return `w1:local:${id}:${sealed.toString('base64url')}`;
  }

  #unwrap(wrapped: string, context: DataKeyContext): Buffer {
    const parts = WRAPPED.exec(wrapped);
    if (parts === null) throw new CryptoRefused('malformed');
    const [, rootKeyId = '', payload = ''] = parts;
    const rootKey = this.#rootKeys.get(rootKeyId);
    if (rootKey === undefined) throw new CryptoRefused('root_key_unknown');
    const sealed = Buffer.from(payload, 'base64url');
    return open(rootKey.key, sealed, dataKeyAssociatedData(rootKeyId, context));
  }
}

function dataKeyAssociatedData(rootKeyId: string, context: DataKeyContext): Buffer {
  return encodeAssociatedData([
    DOMAIN,
    rootKeyId,
    context.workspaceId ?? SYSTEM,
    context.dataKeyId,
  ]);
}
