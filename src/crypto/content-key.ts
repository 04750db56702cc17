import type { KeyObject } from 'node:crypto';

import { parse, stringify } from 'uuid';

import { open, SEAL_OVERHEAD_BYTES, sealInPieces } from './aes-gcm';
import { encodeAssociatedData } from './associated-data';
import { CryptoRefused } from './crypto.errors';

const DOMAIN = 'keyrun/content/v1';
const VERSION = 1;
const KEY_ID_BYTES = 16;
const HEADER_BYTES = 2 + KEY_ID_BYTES;

/** Where sealed content belongs. Every field is authenticated: opening with any other value is refused. */
export interface ContentPlace {
  readonly executionId: string;
  /** What of the execution it is, for example `output`. */
  readonly field: string;
}

/** Content as it is sealed. */
export interface Content {
  readonly bytes: Buffer;
  /** 0 to 255: how to read the bytes, in terms of whoever seals. Authenticated but not secret. */
  readonly form: number;
}

/**
 * A workspace's content key, opened. Printing it shows no key byte. It opens what was sealed as content in its
 * workspace and nothing else: a saved provider key is sealed under another key, for another domain.
 */
export class ContentKey {
  readonly #key: KeyObject;

  constructor(
    readonly id: string,
    readonly workspaceId: string,
    key: KeyObject,
  ) {
    this.#key = key;
  }

  /** @returns version[1] ‖ form[1] ‖ content key id[16] ‖ iv[12] ‖ ciphertext ‖ tag[16] */
  seal({ bytes, form }: Content, place: ContentPlace): Buffer {
    const header = Buffer.from([VERSION, form, ...parse(this.id)]);
    const sealed = sealInPieces(this.#key, [bytes], this.#associatedData(place, form));
    return Buffer.concat([header, ...sealed]);
  }

  /**
   * Opens what {@link seal} made, for exactly the place it was sealed for.
   * @throws CryptoRefused `malformed`, `data_key_missing` if another content key sealed it, or `auth_failed`
   */
  open(sealed: Buffer, place: ContentPlace): Content {
    const form = sealed[1];
    if (sealed.length < HEADER_BYTES + SEAL_OVERHEAD_BYTES || form === undefined) {
      throw new CryptoRefused('malformed');
    }
    if (sealed[0] !== VERSION) throw new CryptoRefused('malformed');
    if (keyIdIn(sealed) !== this.id) throw new CryptoRefused('data_key_missing');
    const associatedData = this.#associatedData(place, form);
    return { bytes: open(this.#key, sealed.subarray(HEADER_BYTES), associatedData), form };
  }

  #associatedData({ executionId, field }: ContentPlace, form: number): Buffer {
    return encodeAssociatedData([
      DOMAIN,
      this.workspaceId,
      executionId,
      field,
      this.id,
      String(form),
    ]);
  }
}

function keyIdIn(sealed: Buffer): string {
  try {
    return stringify(sealed.subarray(HEADER_BYTES - KEY_ID_BYTES, HEADER_BYTES));
  } catch {
    throw new CryptoRefused('malformed');
  }
}
