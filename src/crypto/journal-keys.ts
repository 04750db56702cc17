import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import { open, sealInPieces } from './aes-gcm';
import { encodeAssociatedData } from './associated-data';
import { type DataKey, DataKeys } from './data-keys';

const DOMAIN = 'keyrun/journal/v1';
const KEY_BYTES = 32;

/** Where in a file an entry stands. Authenticated: an entry that was moved does not open. */
export interface JournalPlace {
  readonly entry: number;
  /** What kind of entry it is, in terms of whoever writes the file. */
  readonly kind: number;
}

/** Seals the entries of one file. A key for each file keeps each far below the limit of random IVs (2^32). */
export class JournalFileKey {
  readonly #key: KeyObject;

  constructor(
    /** Names the key in an entry. */
    readonly dataKeyId: string,
    readonly fileId: string,
    key: KeyObject,
  ) {
    this.#key = key;
  }

  /** @returns iv[12] ‖ ciphertext of the plaintexts, one after the other ‖ tag[16], in pieces */
  seal(plaintexts: readonly Buffer[], place: JournalPlace): Buffer[] {
    return sealInPieces(this.#key, plaintexts, this.#associatedData(place));
  }

  /** @throws CryptoRefused `malformed` or `auth_failed` */
  open(sealed: Buffer, place: JournalPlace): Buffer {
    return open(this.#key, sealed, this.#associatedData(place));
  }

  #associatedData({ entry, kind }: JournalPlace): Buffer {
    return encodeAssociatedData([DOMAIN, this.fileId, String(entry), String(kind)]);
  }
}

/** What the keys of journal files are derived from; opens nothing but journals. */
export class JournalKey {
  readonly #key: KeyObject;

  constructor(
    readonly dataKeyId: string,
    key: KeyObject,
  ) {
    this.#key = key;
  }

  ofFile(fileId: string): JournalFileKey {
    return new JournalFileKey(this.dataKeyId, fileId, derive(this.#key, fileId));
  }
}

/**
 * Derives the journal keys of the server's own data key, which every node on the same database opens. One that is held
 * works while the database and the key service are away.
 */
@Injectable()
export class JournalKeys {
  constructor(private readonly dataKeys: DataKeys) {}

  /** The key for new files. */
  async current(): Promise<JournalKey> {
    return toJournalKey(await this.dataKeys.system());
  }

  /** @throws CryptoRefused `data_key_missing` if this database has no such data key, or `root_key_unknown` */
  async byId(dataKeyId: string): Promise<JournalKey> {
    return toJournalKey(await this.dataKeys.byId(null, dataKeyId));
  }
}

function toJournalKey({ id, key }: DataKey): JournalKey {
  return new JournalKey(id, derive(key, DOMAIN));
}

function derive(key: KeyObject, info: string): KeyObject {
  const bytes = Buffer.from(hkdfSync('sha256', key, '', info, KEY_BYTES));
  const derived = createSecretKey(bytes);
  bytes.fill(0);
  return derived;
}
