import type { DataKeyContext } from '../key-encryption.interface';

/** One root key at one key service, over its own protocol. */
export interface KeyServiceClient {
  /** The scheme in the stored text. */
  readonly scheme: 'awskms' | 'vault';
  /** The configured name of the key. The only name that is ever sent. */
  readonly keyName: string;

  /** Whether the text is, character by character, one that {@link encrypt} could have returned. */
  isPayload(text: string): boolean;

  /**
   * @param signal ends the exchange
   * @returns printable ASCII
   * @throws KeyServiceUnavailable
   */
  encrypt(dataKey: Buffer, context: DataKeyContext, signal: AbortSignal): Promise<string>;

  /**
   * @throws CryptoRefused `auth_failed`: the service looked at the text and refuses it
   * @throws KeyServiceUnavailable
   */
  decrypt(payload: string, context: DataKeyContext, signal: AbortSignal): Promise<Buffer>;
}

/** How long opening a connection may take. */
export const CONNECT_TIMEOUT_MS = 2_000;

/** How long one wrapping or unwrapping may take, with everything that belongs to it. */
export const TOTAL_TIMEOUT_MS = 5_000;

/** Stands for "no workspace". Cannot collide with a workspace, whose id is a UUID. */
export const SYSTEM = 'system';
