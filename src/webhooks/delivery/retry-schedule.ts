const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/**
 * Waits after the first, second, … failure: the schedule that the Standard Webhooks specification recommends. Ten
 * attempts within a little more than three days.
 */
export const RETRY_WAITS_MS: readonly number[] = [
  ...[5 * SECOND, 5 * MINUTE, 30 * MINUTE],
  ...[2, 5, 10, 14, 20, 24].map((hours) => hours * HOUR),
];

/** How far a wait may differ, either way, so that the events of an outage do not all come back at once. */
const JITTER = 0.1;

/**
 * Milliseconds until the next attempt; null: there is none.
 * @param failures - attempts that failed so far, this one included, ≥ 1.
 * @param retryAfterMs - the least that the receiver asks for.
 * @param random - in [0, 1).
 */
export function nextWaitMs(
  failures: number,
  retryAfterMs: number | undefined,
  random: number,
): number | null {
  const wait = RETRY_WAITS_MS[failures - 1];
  if (wait === undefined) return null;
  const jittered = Math.round(wait * (1 - JITTER + 2 * JITTER * random));
  return Math.max(jittered, retryAfterMs ?? 0);
}
