import { AppError } from '../../common';

/** Why a key service could not be asked. None of these says anything about the text that was to be opened. */
export type KeyServiceFault =
  | 'unreachable'
  | 'timeout'
  | 'throttled'
  | 'denied'
  /** The key is disabled, scheduled for deletion, or not there. */
  | 'key_unusable'
  | 'failed'
  | 'invalid_answer';

const RETRY_AFTER_MS = 1_000;

/** Carries no cause: errors of an SDK hold the request, and that the credentials. */
export class KeyServiceUnavailable extends AppError {
  constructor(
    readonly fault: KeyServiceFault,
    retryAfterMs = RETRY_AFTER_MS,
  ) {
    super('key_service_unavailable', undefined, { retryAfterMs });
    this.name = 'KeyServiceUnavailable';
  }
}
