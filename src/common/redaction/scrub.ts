import { SecretFingerprints } from './secret-fingerprints';
import { withoutSecretShapes } from './secret-shapes';

/** Not the word of `Secret`: where this one stands, the layers before had let a secret through. */
const SCRUBBED = '[scrubbed]';

const known = new SecretFingerprints();

/** Called by `Secret` for each of its values: from now on {@link scrub} removes it, however it is written. */
export function rememberSecret(value: string): void {
  known.add(value);
}

/**
 * The last layer against leaks: plain text without the secrets that this process has seen and without what looks like
 * one. It is no licence to print a secret; the types and the names of fields come first.
 */
export function scrub(text: string): string {
  return scrubAs(text, false);
}

/** The same for JSON text, which stays valid JSON. */
export function scrubJson(text: string): string {
  return scrubAs(text, true);
}

function scrubAs(text: string, isJson: boolean): string {
  const ranges = known.find(text, isJson);
  if (ranges.length === 0) return withoutSecretShapes(text, SCRUBBED);
  let clean = '';
  let position = 0;
  for (const { from, to } of ranges) {
    clean += text.slice(position, from) + SCRUBBED;
    position = to;
  }
  return withoutSecretShapes(clean + text.slice(position), SCRUBBED);
}
