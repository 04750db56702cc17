import { scrub } from '../redaction/scrub';

/** What may be told of an error that nobody expected. */
export interface FailureDescription {
  /** Its class; for what is no error, `thrown` says its type. */
  readonly name?: string;
  readonly thrown?: string;
  readonly code?: string;
  /** What PostgreSQL names in its errors. */
  readonly constraint?: string;
  readonly table?: string;
  /** The places in the code, one per line. */
  readonly stack?: string;
}

/** A class, a code, an identifier: no sentence, and too short for most keys. */
const NAME = /^[\w$.-]{1,63}$/;

/**
 * Class, code and place of an error. Messages of drivers and libraries may quote values, so they stay out, also the
 * lines of a message that look like places in the code.
 */
export function describeFailure(error: unknown): FailureDescription {
  if (!(error instanceof Error)) return { thrown: error === null ? 'null' : typeof error };
  const { code, constraint, table } = error as unknown as Record<string, unknown>;
  return {
    name: nameOf(error.name) ?? 'Error',
    code: nameOf(code),
    constraint: nameOf(constraint),
    table: nameOf(table),
    stack: framesOf(error),
  };
}

function nameOf(value: unknown): string | undefined {
  return typeof value === 'string' && NAME.test(value) ? scrub(value) : undefined;
}

function framesOf({ stack, message }: Error): string {
  const withoutMessage = (typeof stack === 'string' ? stack : '').replace(message, () => '');
  const frames = withoutMessage.split('\n').filter((line) => /^\s+at /.test(line));
  return scrub(frames.join('\n'));
}
