/**
 * Begins a word: not within one (`task-…` is no `sk-…`), except behind an escape sequence of JSON, of a URL or of a
 * terminal, whose last character is a letter or a digit.
 */
const BEGIN = String.raw`(?:(?<![\w-])|(?<=\\[bfnrt]|\\u[\da-fA-F]{4}|%[\da-fA-F]{2}|\[[\d;]{1,9}m))`;

/** What secrets of vendors, of clouds and of ours look like. `*` is what OpenAI hides the middle of a key with. */
const PREFIXED = [
  String.raw`sk-[\w*-]{16,}`,
  String.raw`AIza[\w-]{20,}`,
  String.raw`gsk_\w{16,}`,
  String.raw`xai-[\w-]{16,}`,
  String.raw`hf_\w{16,}`,
  String.raw`r8_\w{16,}`,
  String.raw`pplx-\w{16,}`,
  String.raw`hvs\.[\w-]{16,}`,
  String.raw`kr_(?:pat|ses)_[\w-]{8,}`,
  String.raw`(?:AKIA|ASIA)[A-Z2-7]{16}(?![\w-])`,
  String.raw`eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}`,
];

/** What stands behind a name that only secrets have. The name stays. */
const NAMED = [
  // A word such as `Bearer authentication` is none: it has a digit or is long.
  String.raw`(?<=\b(?:bearer|basic)\s{1,3})(?=[\w.~+/-]*\d|[\w.~+/-]{24})[\w.~+/-]{8,}=*`,
  String.raw`(?<=:\/\/[^\s/:@"'\\]{0,128}:)[^\s/@"'\\]{1,512}(?=@)`,
  String.raw`(?<=[?&](?:key|api[_-]?key|access_token|token|secret|password)=)[^\s&"'\\]{8,}`,
  String.raw`(?<=\bx-(?:goog-)?api-key["']?\s{0,3}[:=]\s{0,3}["']?)[^\s"',\\]{8,}`,
];

const PREFIXED_SHAPE = new RegExp(`${BEGIN}(?:${PREFIXED.join('|')})`, 'g');
const NAMED_SHAPES = NAMED.map((source) => new RegExp(source, 'gi'));
/** Most lines hold none of these, and need no further look. */
const HINT =
  /sk-|AIza|gsk_|xai-|hf_|r8_|pplx-|hvs\.|kr_|AKIA|ASIA|eyJ|bearer|basic|:\/\/|[?&]|-api-key/i;

/** The text with a mark in place of everything that has the shape of a secret. */
export function withoutSecretShapes(text: string, mark: string): string {
  if (!HINT.test(text)) return text;
  let clean = text.replace(PREFIXED_SHAPE, mark);
  for (const shape of NAMED_SHAPES) clean = clean.replace(shape, mark);
  return clean;
}
