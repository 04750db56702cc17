import { wordsOf } from './problem-words';

/** One field that the server refused. */
export interface FieldProblem {
  /** JSON pointer into the body, e.g. `/apiKey`, or `?name` for a query parameter. */
  readonly pointer: string;
  readonly message: string;
}

interface ProblemDocument {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly requestId: string;
  readonly errors?: readonly FieldProblem[];
  readonly executionId?: string;
}

/** Why a request failed, as a person can read it. Made of problem+json; without an answer, of what is known. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly requestId: string | null;
  readonly fields: readonly FieldProblem[];
  /** The execution that failed, when one was recorded. */
  readonly executionId: string | null;
  /** What to add to the title, empty when it says it all. The message is for where no title is shown. */
  readonly explanation: string;

  constructor(document: Partial<ProblemDocument>, retryAfterSeconds: number | null = null) {
    const { title = '', code = '', detail = '', errors = [] } = document;
    const hasFields = errors.length > 0;
    const explanation = wordsOf({ title, code, detail, hasFields, retryAfterSeconds });
    super([explanation, title].find((words) => words !== '') ?? 'The request failed.');
    this.explanation = explanation;
    this.name = 'Problem';
    this.status = document.status ?? 0;
    this.code = document.code ?? 'unreachable';
    this.title = document.title ?? 'The request failed';
    this.requestId = document.requestId ?? null;
    this.fields = document.errors ?? [];
    this.executionId = document.executionId ?? null;
  }

  /** Nobody answered: the server restarts, or the network is gone. */
  get isUnreachable(): boolean {
    return this.status === 0;
  }

  /** What is wrong with a field of the body; null: nothing. */
  of(pointer: string): string | null {
    const found = this.fields.filter((field) => field.pointer === pointer);
    return found.length === 0 ? null : found.map(({ message }) => message).join('; ');
  }
}

export const UNREACHABLE = new Problem({
  title: 'Keyrun does not answer',
  detail: 'It may be restarting. This page tries again by itself.',
});

/** The problem in whatever was thrown. */
export function toProblem(thrown: unknown, response?: Response): Problem {
  if (thrown instanceof Problem) return thrown;
  if (response === undefined) return UNREACHABLE;
  const document =
    typeof thrown === 'object' && thrown !== null ? (thrown as Partial<ProblemDocument>) : {};
  return new Problem({ status: response.status, ...document }, retryAfterOf(response));
}

/** Whole seconds; the other form of the header, a date, is none that this server sends. */
function retryAfterOf({ headers }: Response): number | null {
  const value = headers.get('retry-after');
  return value !== null && /^\d{1,9}$/.test(value) ? Number(value) : null;
}
