import { createHash } from 'node:crypto';

import { CryptoRefused } from './crypto.errors';

/** The parts of `w1:<scheme>:<root key id>:<payload>`. */
export interface WrappedDataKey {
  readonly scheme: string;
  readonly rootKeyId: string;
  /** In the format of the scheme, which its implementation checks. */
  readonly payload: string;
}

/** Far above what any key service returns for 32 bytes. */
const MAXIMUM_CHARACTERS = 12_000;

const WRAPPED = /^w1:([a-z]+):([A-Za-z0-9_-]{16}):([\x21-\x7e]+)$/;

const ID_BYTES = 12;
const ID_DOMAIN = 'keyrun/key-service-id/v1';

export function formatWrappedDataKey({ scheme, rootKeyId, payload }: WrappedDataKey): string {
  return `w1:${scheme}:${rootKeyId}:${payload}`;
}

/** @throws CryptoRefused `malformed` */
export function parseWrappedDataKey(text: string): WrappedDataKey {
  const parts = text.length > MAXIMUM_CHARACTERS ? null : WRAPPED.exec(text);
  if (parts === null) throw new CryptoRefused('malformed');
  const [, scheme = '', rootKeyId = '', payload = ''] = parts;
  return { scheme, rootKeyId, payload };
}

/** Id of a root key that a key service keeps: a digest of its configured name, 16 base64url characters. */
export function keyServiceKeyId(scheme: string, keyName: string): string {
  const digest = createHash('sha256').update(`${ID_DOMAIN}\0${scheme}\0${keyName}`).digest();
  return digest.subarray(0, ID_BYTES).toString('base64url');
}
