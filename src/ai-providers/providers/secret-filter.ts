import type { Secret } from '../../common';
import type { ExecutionOutput } from '../ai-provider.interface';

/**
 * Takes the key out of a text that arrives in pieces: a hostile endpoint may answer with the key it was
 * sent, cut into any pieces. The end of a piece that may be the beginning of the key is kept back until
 * the next one. However a text is cut, what comes out is the same.
 */
export class SecretFilter {
  readonly #forms: readonly string[];
  readonly #marker: string;
  #held = '';

  constructor(secret: Secret | null) {
    this.#forms = formsOf(secret);
    this.#marker = String(secret);
  }

  /** What of the text so far may be shown and has not been; may be empty. */
  push(piece: string): string {
    return this.#take(this.#held + piece, false);
  }

  /** The rest: no more pieces will come. */
  end(): string {
    return this.#take(this.#held, true);
  }

  #take(pending: string, isEnd: boolean): string {
    let shown = '';
    let rest = pending;
    for (;;) {
      const found = this.#findForm(rest);
      const open = isEnd ? rest.length : this.#findOpenEnd(rest);
      if (found === null || open < found.at) {
        this.#held = rest.slice(open);
        return shown + rest.slice(0, open);
      }
      shown += rest.slice(0, found.at) + this.#marker;
      rest = rest.slice(found.at + found.length);
    }
  }

  /** The first form in the text; of two at the same place the shorter, which is complete earlier. */
  #findForm(text: string): { at: number; length: number } | null {
    let first: { at: number; length: number } | null = null;
    for (const form of this.#forms) {
      const at = text.indexOf(form);
      if (at >= 0 && (first === null || at < first.at)) first = { at, length: form.length };
    }
    return first;
  }

  /** Where that end of the text begins that the next piece may complete: to a form, or to a character. */
  #findOpenEnd(text: string): number {
    let open = endsInHighSurrogate(text) ? text.length - 1 : text.length;
    for (const form of this.#forms) {
      let at = text.indexOf(form.charAt(0), Math.max(0, text.length - form.length + 1));
      while (at >= 0 && at < open && !form.startsWith(text.slice(at))) {
        at = text.indexOf(form.charAt(0), at + 1);
      }
      if (at >= 0 && at < open) open = at;
    }
    return open;
  }
}

/** The output of a whole answer, without the key. */
export function outputWithoutSecret(
  output: ExecutionOutput,
  secret: Secret | null,
): ExecutionOutput {
  return {
    content: withoutSecret(output.content, secret),
    toolCalls: output.toolCalls.map((call) => ({
      id: withoutSecret(call.id, secret),
      name: withoutSecret(call.name, secret),
      arguments: withoutSecret(call.arguments, secret),
    })),
  };
}

/** A whole text without the key. */
export function withoutSecret(text: string, secret: Secret | null): string {
  const filter = new SecretFilter(secret);
  return filter.push(text) + filter.end();
}

/** In JSON text, as in the arguments of a tool call, a key with a quotation mark is written in another way. */
function formsOf(secret: Secret | null): string[] {
  const value = secret?.expose() ?? '';
  if (value === '') return [];
  const escaped = JSON.stringify(value).slice(1, -1);
  return escaped === value ? [value] : [value, escaped];
}

function endsInHighSurrogate(text: string): boolean {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last <= 0xdbff;
}
