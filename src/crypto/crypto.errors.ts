const MESSAGES = {
  malformed: 'The stored text is not in the expected format.',
  auth_failed: 'The stored text was altered, moved, or sealed for another context.',
  data_key_missing: 'The data key of the stored text does not exist in this workspace.',
  root_key_unknown: 'The data key is wrapped by a root key that is not configured.',
} as const;

/** Why something sealed was not opened. */
export type CryptoRefusal = keyof typeof MESSAGES;

/**
 * The one failure of opening (and of sealing without a data key). One fixed message per code and no cause:
 * neither the input, nor an id, nor OpenSSL's text can reach a log through it.
 */
export class CryptoRefused extends Error {
  constructor(readonly code: CryptoRefusal) {
    super(MESSAGES[code]);
    this.name = 'CryptoRefused';
  }
}
