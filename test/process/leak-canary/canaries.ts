/** A key that looks different in every encoding. */
export const CANARY = 'sk-CANARY+/?=&%25:q~9~Zx7~canary';

/** What a person says to a model, and what it answers. */
export const PROMPT = 'the prompt of the canary, 4711';

/** A credential of the operator in the environment, which Keyrun must neither use nor show. It has no shape. */
export const OPERATOR_KEY = 'credential+of+the+operator+0815';

/** An access token or a session; the words of the documentation are none. */
export const TOKENS = /kr_(?:pat|ses)_[\w-]{6}/g;

/** Everything that a text may look like, encoded or in part. */
export function formsOf(text: string): readonly string[] {
  return [
    text,
    text.slice(0, Math.min(20, text.length - 4)),
    encodeURIComponent(text),
    JSON.stringify(text).slice(1, -1),
    Buffer.from(text).toString('hex'),
    ...base64Forms(text),
  ];
}

/** The forms and patterns found, each with what stands before it. */
export function hitsIn(text: string, forms: readonly string[]): string[] {
  const positions = forms.map((form) => [text.indexOf(form), form.length] as const);
  for (const { index, 0: token } of text.matchAll(TOKENS)) positions.push([index, token.length]);
  return positions.flatMap(([position, length]) =>
    position < 0 ? [] : [text.slice(Math.max(0, position - 120), position + length)],
  );
}

/** What the text has in base64 wherever it stands in a longer text: without the characters at its edges. */
function base64Forms(text: string): string[] {
  return [0, 1, 2].flatMap((offset) => {
    const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(text)]);
    const inner = (encoded: string) => encoded.replace(/=+$/, '').slice(offset === 0 ? 0 : 4, -2);
    return [inner(bytes.toString('base64')), inner(bytes.toString('base64url'))];
  });
}
