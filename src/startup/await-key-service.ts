import { setTimeout as delay } from 'node:timers/promises';
import { EXIT_CODE, StartupError } from '../common';
import { type KeyServiceFault, KeyServiceUnavailable } from '../crypto';

const PATIENCE_MS = 30_000;
const PAUSE_MS = 1_000;

const REASONS: Readonly<Record<KeyServiceFault, string>> = {
  unreachable: 'cannot be reached. Check its address and the network',
  timeout: 'does not answer in time. Check its address and the network',
  throttled: 'limits the rate of requests. Raise the limit',
  denied:
    'denies the request. Check the credentials of this server and that they may encrypt and decrypt with the key',
  key_unusable:
    'cannot use the key. Check that it exists, is enabled and may open what it has sealed',
  failed: 'answers with errors. Check its state',
  invalid_answer: 'answers with something else. Check its address',
};

/**
 * Repeats the work while the key service cannot be asked.
 * @throws {StartupError} exit code 69 when it still cannot after 30 seconds.
 */
export async function awaitKeyService<T>(
  work: () => Promise<T>,
  { patienceMs = PATIENCE_MS, pauseMs = PAUSE_MS } = {},
): Promise<T> {
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof KeyServiceUnavailable)) throw error;
      if (performance.now() + pauseMs > giveUpAt) throw refusal(error.fault);
    }
    await delay(pauseMs);
  }
}

function refusal(fault: KeyServiceFault): StartupError {
  return new StartupError(
    `The key service of KEYRUN_KMS ${REASONS[fault]}.`,
    EXIT_CODE.unavailable,
  );
}
