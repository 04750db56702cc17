import { CryptoRefused } from '../crypto.errors';
import type { DataKeyContext, KeyEncryption } from '../key-encryption.interface';
import { parseWrappedDataKey } from '../wrapped-data-key';

/**
 * Several places where root keys live: one wraps, and each unwraps what the id in the text says is its own. Moving from
 * one to another is thus the same re-wrapping as a change of root key.
 */
export class CompositeKeyEncryption implements KeyEncryption {
  readonly activeKeyId: string;
  readonly keyIds: readonly string[];

  readonly #active: KeyEncryption;
  readonly #byKeyId: ReadonlyMap<string, KeyEncryption>;

  constructor(active: KeyEncryption, others: readonly KeyEncryption[]) {
    const members = [active, ...others];
    this.#active = active;
    this.#byKeyId = new Map(
      members.flatMap((member) => member.keyIds.map((id) => [id, member] as const)),
    );
    this.activeKeyId = active.activeKeyId;
    this.keyIds = [...this.#byKeyId.keys()];
  }

  wrap(dataKey: Buffer, context: DataKeyContext): Promise<string> {
    return this.#active.wrap(dataKey, context);
  }

  async unwrap(wrapped: string, context: DataKeyContext): Promise<Buffer> {
    const member = this.#byKeyId.get(parseWrappedDataKey(wrapped).rootKeyId);
    if (member === undefined) throw new CryptoRefused('root_key_unknown');
    return member.unwrap(wrapped, context);
  }
}
