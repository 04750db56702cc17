import { randomBytes } from 'node:crypto';
import { FORM_LENGTH_MIN, secretForms } from './secret-forms';

/** A part of a text, from the first character to the one after the last. */
export interface TextRange {
  readonly from: number;
  readonly to: number;
}

/** 96 bits of a form, from which it cannot be read. */
interface Fingerprint {
  /** Of its last characters: what the scan of a text looks for. */
  readonly ending: number;
  readonly length: number;
  readonly first: number;
  readonly second: number;
  readonly isInJson: boolean;
}

/** The first values that a process sees are its own: settings, root keys, the database. They are never forgotten. */
const KEPT_FOR_GOOD = 64;
const KEPT_MAX = 1_024;
/** How many characters of the end of a form are looked for. Ends differ where beginnings are all `sk-proj-`. */
const WINDOW = FORM_LENGTH_MIN;
const FILTER_BITS = 16;
const SPREAD = 0x9e3779b1;

/**
 * Recognises the secrets that this process has seen last, without keeping one: it holds keyed fingerprints of their
 * forms. So it needs no reference to a secret, and none lives longer because of it; a form is found as long as its
 * fingerprint is kept, also after the secret itself is gone. Finding costs the same however many are known.
 */
export class SecretFingerprints {
  readonly #multipliers = randomMultipliers();
  /** Power of the multiplier by which the oldest character of the window counts. */
  readonly #oldest = power(this.#multipliers.ending, WINDOW);
  /** By the fingerprint of the whole value; the least recently seen first. */
  readonly #values = new Map<string, readonly Fingerprint[]>();
  readonly #ownValues = new Set<string>();
  readonly #byEnding = new Map<number, Fingerprint[]>();
  readonly #filter = new Uint16Array(1 << FILTER_BITS);

  /** Makes a value known. */
  add(value: string): void {
    if (value.length < FORM_LENGTH_MIN) return;
    const id = this.#idOf(value);
    if (this.#ownValues.has(id)) return;
    const known = this.#values.get(id);
    if (known !== undefined) {
      this.#values.delete(id);
      this.#values.set(id, known);
      return;
    }
    const fingerprints = secretForms(value).map((form) => this.#fingerprintOf(form));
    for (const fingerprint of fingerprints) this.#index(fingerprint);
    if (this.#ownValues.size < KEPT_FOR_GOOD) this.#ownValues.add(id);
    else this.#values.set(id, fingerprints);
    if (this.#values.size > KEPT_MAX) this.#forgetOldest();
  }

  /** Where known values stand in the text, in order and without overlaps. */
  find(text: string, isJson: boolean): readonly TextRange[] {
    if (this.#byEnding.size === 0 || text.length < WINDOW) return [];
    const ranges: TextRange[] = [];
    const multiplier = this.#multipliers.ending;
    let hash = 0;
    for (let index = 0; index < text.length; index += 1) {
      hash = (Math.imul(hash, multiplier) + text.charCodeAt(index)) | 0;
      if (index >= WINDOW) {
        hash = (hash - Math.imul(text.charCodeAt(index - WINDOW), this.#oldest)) | 0;
      }
      if (index >= WINDOW - 1 && this.#filter[slotOf(hash)] !== 0) {
        const from = this.#beginningOf(text, index + 1, hash, isJson);
        if (from !== null) addRange(ranges, { from, to: index + 1 });
      }
    }
    return ranges;
  }

  /** Where the longest known form begins that ends here; null: none does. */
  #beginningOf(text: string, to: number, ending: number, isJson: boolean): number | null {
    let beginning: number | null = null;
    for (const form of this.#byEnding.get(ending) ?? []) {
      const from = to - form.length;
      if (from < 0 || (beginning !== null && from >= beginning)) continue;
      if (isJson && (!form.isInJson || isWithinEscape(text, from))) continue;
      const isFound =
        hashOf(text, from, to, this.#multipliers.first) === form.first &&
        hashOf(text, from, to, this.#multipliers.second) === form.second;
      if (isFound) beginning = from;
    }
    return beginning;
  }

  #fingerprintOf({ text, isInJson }: { text: string; isInJson: boolean }): Fingerprint {
    const { length } = text;
    const { ending, first, second } = this.#multipliers;
    return {
      ending: hashOf(text, length - WINDOW, length, ending),
      length,
      first: hashOf(text, 0, length, first),
      second: hashOf(text, 0, length, second),
      isInJson,
    };
  }

  #idOf(value: string): string {
    const { first, second } = this.#multipliers;
    const { length } = value;
    return `${hashOf(value, 0, length, first)}/${hashOf(value, 0, length, second)}/${length}`;
  }

  #index(fingerprint: Fingerprint): void {
    const same = this.#byEnding.get(fingerprint.ending);
    if (same === undefined) this.#byEnding.set(fingerprint.ending, [fingerprint]);
    else same.push(fingerprint);
    this.#count(fingerprint.ending, 1);
  }

  #forgetOldest(): void {
    const [[id, fingerprints] = ['', []]] = this.#values;
    this.#values.delete(id);
    for (const fingerprint of fingerprints) {
      const same = this.#byEnding.get(fingerprint.ending) ?? [];
      const rest = same.filter((other) => other !== fingerprint);
      if (rest.length === 0) this.#byEnding.delete(fingerprint.ending);
      else this.#byEnding.set(fingerprint.ending, rest);
      this.#count(fingerprint.ending, -1);
    }
  }

  #count(ending: number, change: number): void {
    const slot = slotOf(ending);
    this.#filter[slot] = (this.#filter[slot] ?? 0) + change;
  }
}

/** Ranges come in the order of their ends: a later one may reach back over earlier ones. */
function addRange(ranges: TextRange[], { from, to }: TextRange): void {
  let beginning = from;
  for (let last = ranges.at(-1); last !== undefined && last.to > from; last = ranges.at(-1)) {
    beginning = Math.min(beginning, last.from);
    ranges.pop();
  }
  ranges.push({ from: beginning, to });
}

/** Whether the text before is the beginning of an escape sequence of JSON, e.g. `\` or `\u00`. */
function isWithinEscape(text: string, position: number): boolean {
  const before = text.slice(Math.max(0, position - 5), position);
  const escape = /\\(u[\da-f]{0,3})?$/i.exec(before);
  if (escape === null) return false;
  let backslashes = 0;
  for (let index = position - escape[0].length; text[index] === '\\'; index -= 1) backslashes += 1;
  return backslashes % 2 === 1;
}

function slotOf(hash: number): number {
  return Math.imul(hash, SPREAD) >>> (32 - FILTER_BITS);
}

function hashOf(text: string, from: number, to: number, multiplier: number): number {
  let hash = 0;
  for (let index = from; index < to; index += 1) {
    hash = (Math.imul(hash, multiplier) + text.charCodeAt(index)) | 0;
  }
  return hash;
}

function power(base: number, exponent: number): number {
  let product = 1;
  for (let count = 0; count < exponent; count += 1) product = Math.imul(product, base);
  return product;
}

/** Odd, so that no character loses its weight; random, so that nobody can make two values look alike. */
function randomMultipliers(): { ending: number; first: number; second: number } {
  const random = randomBytes(12);
  const at = (offset: number) => random.readInt32LE(offset) | 1;
  return { ending: at(0), first: at(4), second: at(8) };
}
