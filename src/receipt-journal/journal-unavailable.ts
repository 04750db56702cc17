/** Why a receipt could not be kept. */
export type JournalFault = 'not_open' | 'full' | 'not_writable' | 'receipt_too_long';

const MESSAGES: Readonly<Record<JournalFault, string>> = {
  not_open: 'The receipt journal is not open.',
  full: 'The receipt journal is full (KEYRUN_JOURNAL_MAX_BYTES): settle what is in it first.',
  not_writable: 'The receipt journal cannot be written',
  receipt_too_long: 'The receipt is too long for the journal.',
};

/** The receipt is not in the journal. Says nothing of the receipt. */
export class JournalUnavailable extends Error {
  /** Code of the operating system, for example ENOSPC; null if it was not asked. */
  readonly systemCode: string | null;

  constructor(
    readonly fault: JournalFault,
    cause?: unknown,
  ) {
    const systemCode = systemCodeOf(cause);
    const reason = fault === 'not_writable' ? ` (${systemCode ?? 'unknown reason'}).` : '';
    super(`${MESSAGES[fault]}${reason}`, { cause });
    this.name = 'JournalUnavailable';
    this.systemCode = systemCode;
  }

  /** What the operating system said to a write. */
  static from(error: unknown): JournalUnavailable {
    return error instanceof JournalUnavailable
      ? error
      : new JournalUnavailable('not_writable', error);
  }
}

/** ENOSPC and the like; null for anything else. */
export function systemCodeOf(error: unknown): string | null {
  const code = (error as NodeJS.ErrnoException | null | undefined)?.code;
  return typeof code === 'string' ? code : null;
}
