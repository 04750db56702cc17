/** Exit codes of the process (sysexits.h). */
export const EXIT_CODE = {
  /** A dependency (database, port) is unavailable. */
  unavailable: 69,
  /** A fault of our own that nobody foresaw. */
  software: 70,
  /** The data directory cannot be read or written. */
  inputOutput: 74,
  /** A setting or the root key is missing, malformed, weak or wrong. */
  configuration: 78,
} as const;

/** A start that cannot succeed: one sentence that names the fix (never a secret value), and the exit code. */
export class StartupError extends Error {
  constructor(
    message: string,
    readonly exitCode: (typeof EXIT_CODE)[keyof typeof EXIT_CODE],
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'StartupError';
  }
}
