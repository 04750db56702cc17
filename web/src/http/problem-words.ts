/** What the words are made of. */
export interface Told {
  readonly title: string;
  readonly code: string;
  readonly detail: string;
  readonly hasFields: boolean;
  /** Of the header Retry-After; null: the answer had none. */
  readonly retryAfterSeconds: number | null;
}

/**
 * What the detail of a problem says to a person at a page. Programs are told of headers and members of the
 * document; here they are put into words, or left out where the page shows them itself: the title above, the
 * fields below. Empty when nothing else is left.
 */
export function wordsOf({ title, code, detail, hasFields, retryAfterSeconds }: Told): string {
  if (code === 'unauthenticated') return 'Sign in again.';
  const sentences = withoutTitle(detail, title).split(/(?<=\.) /);
  return sentences
    .filter((sentence) => !(hasFields && isAboutFields(sentence)))
    .map((sentence) => (sentence.includes('Retry-After') ? tryAgain(retryAfterSeconds) : sentence))
    .join(' ')
    .trim();
}

/** The same of a message that has no title and no fields, e.g. why an execution failed. */
export function wordsOfMessage(message: string): string {
  return wordsOf({
    title: '',
    code: '',
    detail: message,
    hasFields: false,
    retryAfterSeconds: null,
  });
}

/** A detail that repeats the title, at its beginning, is shown once. */
function withoutTitle(detail: string, title: string): string {
  if (title === '' || !detail.toLowerCase().startsWith(title.toLowerCase())) return detail;
  const rest = detail.slice(title.length);
  if (rest === '') return '';
  // "Not found" is no repetition in "Not founded …".
  if (!/^[.:;,!]/.test(rest)) return detail;
  const words = rest.slice(1).trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function isAboutFields(sentence: string): boolean {
  return sentence.startsWith('Invalid: ') || sentence.includes('`errors`');
}

function tryAgain(seconds: number | null): string {
  return seconds === null ? 'Try again in a moment.' : `Try again in ${seconds} s.`;
}
