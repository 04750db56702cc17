import type { CountTokens } from './token-estimate';

let loading: Promise<CountTokens> | undefined;

/** OpenAI's `o200k_base` encoding. Loaded at the first use: it takes 100 ms and 85 MB. */
export function loadO200kTokenizer(): Promise<CountTokens> {
  loading ??= import('gpt-tokenizer/encoding/o200k_base').then(({ countTokens }) => {
    // A text that looks like a control token is text; by default the tokenizer would throw.
    const asText = { disallowedSpecial: new Set<string>() };
    return (text) => countTokens(text, asText);
  });
  return loading;
}
