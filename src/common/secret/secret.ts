import { inspect } from 'node:util';
import { rememberSecret } from '../redaction/scrub';

const REDACTED = '[redacted]';

/**
 * A plaintext secret on its way from intake to the vault, or from the vault to one provider call.
 * Every way of printing it (template, JSON, `util.inspect`, spread) shows `[redacted]`; the value is
 * reachable through {@link Secret.expose} only. Should an exposed value reach a log, the scrubber knows it.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
    rememberSecret(value);
  }

  /** The plaintext. Call it at the last moment: sealing an envelope, or the header of one request. */
  expose(): string {
    rememberSecret(this.#value);
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [Symbol.toPrimitive](): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}
